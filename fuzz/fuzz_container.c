/* fuzz_container.c - a whole container, its schema included. */
#include "alert/decoder.h"
#include "fuzz_alert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_alert_decoder *decoder;
    sum s = {0};
    if (sl_alert_decoder_new(&decoder, NULL) != SL_OK) return 0;
    sl_alert_decode(decoder, data, size, add_up, &s, NULL);
    sl_alert_decoder_free(decoder);
    return 0;
}
