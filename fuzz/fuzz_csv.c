/* Light curves from a table in text, and what the contracts make of them. */
#include <stdlib.h>

#include "lightcurve/csv.h"
#include "starling/lightcurve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_stream stream;
    sl_csv_reader *reader;
    sl_error err;
    (void)sl_csv_sniff(data, size);
    sl_stream_init_memory(&stream, data, size);
    if (sl_csv_open(&stream, &reader, &err) != SL_OK) return 0;
    sl_arena arena;
    sl_lightcurve_buffer *buffer;
    sl_contract contract;
    sl_lightcurve lc;
    sl_arena_init(&arena, 1 << 20);
    if (sl_lightcurve_buffer_new(&buffer, NULL) != SL_OK) abort();
    if (sl_contract_preset(size % 2 ? "starling" : "reference", &contract, NULL) != SL_OK) abort();
    sl_alert alert;
    sl_status status;
    while ((status = sl_csv_next(reader, &arena, &alert, &err)) != SL_DONE) {
        if (status == SL_OK) {
            status = sl_lightcurve_build(&contract, &alert, buffer, &lc, &err);
            for (size_t i = 1; status == SL_OK && i < lc.n; i++) {
                if (!(lc.time[i] >= lc.time[i - 1])) abort();
            }
        } else if (status != SL_ERR_FORMAT || alert.n_points != 0) {
            abort();
        }
        sl_arena_reset(&arena);
    }
    sl_lightcurve_buffer_free(buffer);
    sl_arena_release(&arena);
    sl_csv_close(reader);
    return 0;
}
