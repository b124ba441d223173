/* make_dataset_corpus DIR - the small files that fuzz/corpus/dataset begins with. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "starling/dataset.h"

static sl_status write(const char *path, uint32_t features, sl_dataset_storage storage, uint32_t n_rows, sl_error *err)
{
    sl_contract c;
    sl_dataset_writer *w;
    sl_status status = sl_contract_preset("starling", &c, err);
    c.gp.grid_length = 2;
    c.n_classes = 2;
    c.n_features = features;
    c.features[0] = SL_FEATURE_LOG_PEAK;
    c.features[1] = SL_FEATURE_BAND_MAX;
    for (int i = 0; i < 3; i++) c.feature_spread[i] = 1;
    if (status == SL_OK) status = sl_dataset_writer_new(path, &c, storage, features > 0, &w, err);
    if (status != SL_OK) return status;
    for (uint32_t i = 0; status == SL_OK && i < n_rows; i++) {
        const float input[7] = {1, -2, 3e5f, 0.25f, (float)i, i == 1 ? NAN : 2, 3};
        const sl_dataset_row row = {.object_id = {i < 2 ? "first" : "second", i < 2 ? 5 : 6}, .copy = i % 2,
                                    .label = (int)i - 1, .n_points = 3 + i, .days = 2.5f, .redshift = NAN,
                                    .redshift_error = NAN};
        status = sl_dataset_writer_add(w, &row, input, err);
    }
    if (status == SL_OK) status = sl_dataset_writer_finish(w, err);
    sl_dataset_writer_free(w);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    sl_error err;
    for (uint32_t i = 0; i < 4; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/small-%u", argv[1], i);
        if (write(path, i % 2 * 2, (sl_dataset_storage)(i / 2), i == 0 ? 0 : 3, &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    return 0;
}
