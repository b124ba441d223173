/* fuzz_container.c - a whole container, its schema included: in memory and block by block from a stream. */
#include <stdlib.h>

#include "alert/decoder.h"
#include "fuzz_alert.h"

static void decode_stream(sl_alert_decoder *decoder, const uint8_t *data, size_t size, sum *s)
{
    sl_stream stream;
    sl_container_reader reader;
    sl_container_header header;
    sl_container_buffer buffer = {0};
    sl_container_block block;
    sl_stream_init_memory(&stream, data, size);
    sl_status status = sl_container_open(&reader, &stream, &header, NULL);
    if (status != SL_OK) s->n_bad++;
    while (status == SL_OK) {
        status = sl_container_read_block(&reader, &buffer, &block, NULL);
        if (status == SL_OK) status = sl_alert_decode_block(decoder, &header, &block, add_up, s, NULL);
        if (status < 0) s->n_bad += (size_t)block.count;
    }
    sl_container_close(&reader);
    sl_container_header_release(&header);
    sl_container_buffer_release(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_alert_decoder *decoder;
    sum whole = {0}, blocks = {0};
    if (sl_alert_decoder_new(&decoder, NULL) != SL_OK) return 0;
    if (sl_alert_decode(decoder, data, size, add_up, &whole, NULL) == SL_OK && !sl_alert_is_framed(data, size)) {
        decode_stream(decoder, data, size, &blocks);
        /* Both ways tell of the same alerts, points and losses. */
        if (whole.n_good != blocks.n_good || whole.n_points != blocks.n_points || whole.n_bad != blocks.n_bad) abort();
    }
    sl_alert_decoder_free(decoder);
    return 0;
}
