/* Any bytes as a data-set file: opened, and where that goes well every row of it looked at. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "starling/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t room = (size / SL_ARENA_ALIGN + 1) * SL_ARENA_ALIGN;
    unsigned char *memory = aligned_alloc(SL_ARENA_ALIGN, room);
    unsigned char *bytes = memory + (room - size) / SL_ARENA_ALIGN * SL_ARENA_ALIGN; /* near the end, for a sanitizer */
    if (size > 0) memcpy(bytes, data, size);
    sl_error err;
    sl_dataset *d = NULL;
    if (sl_dataset_open_memory(bytes, size, &d, &err) == SL_OK) {
        const size_t n = sl_contract_input_floats(sl_dataset_contract(d));
        float *input = malloc(n * sizeof *input);
        size_t names = 0;
        for (size_t i = 0; i < sl_dataset_rows(d); i++) {
            sl_dataset_row row;
            sl_dataset_get(d, i, &row);
            if (row.object >= sl_dataset_objects(d) || row.label >= (int)sl_dataset_contract(d)->n_classes) abort();
            for (size_t k = 0; k < row.object_id.len; k++) names += (unsigned char)row.object_id.ptr[k];
            const float *x = sl_dataset_input(d, i, input);
            for (size_t k = 0; k < n; k++) {
                if (!isfinite(x[k])) abort();
            }
        }
        if (names == SIZE_MAX) abort();
        free(input);
    }
    sl_dataset_close(d);
    free(memory);
    return 0;
}
