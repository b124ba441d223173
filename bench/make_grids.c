/*
 * make_grids FILE OBJECTS STEPS CHANNELS: prepared data as training takes it,
 * of noise: what a step costs does not depend on the numbers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "starling/dataset.h"

static float noise(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608 - 1;
}

static sl_status write_rows(sl_dataset_writer *writer, const sl_contract *contract, int objects, sl_error *err)
{
    const uint32_t n = sl_contract_input_floats(contract);
    float *input = malloc(n * sizeof *input);
    unsigned state = 1;
    sl_status status = SL_OK;
    for (int i = 0; input != NULL && i < objects && status == SL_OK; i++) {
        char id[16];
        const int length = snprintf(id, sizeof id, "%d", i);
        const sl_dataset_row row = {.object_id = {id, (size_t)length}, .label = i % (int)contract->n_classes,
                                    .n_points = 50, .redshift = NAN, .redshift_error = NAN};
        for (uint32_t k = 0; k < n; k++) input[k] = noise(&state);
        status = sl_dataset_writer_add(writer, &row, input, err);
    }
    free(input);
    return status == SL_OK ? sl_dataset_writer_finish(writer, err) : status;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: make_grids FILE OBJECTS STEPS CHANNELS\n");
        return 2;
    }
    static sl_contract contract;
    sl_dataset_writer *writer;
    sl_error err;
    sl_contract_preset("starling", &contract, NULL);
    const int channels = atoi(argv[4]);
    if (channels < 1 || channels > SL_MAX_BANDS) return 2;
    contract.n_bands = contract.n_channels = (uint32_t)channels;
    for (int b = 0; b < channels; b++) {
        contract.bands[b] = (sl_band){.wavelength_aa = 4000 + 500 * b};
        contract.bands[b].name[0] = (char)('a' + b);
    }
    contract.gp.grid_length = (uint32_t)atoi(argv[3]);
    sl_status status = sl_dataset_writer_new(argv[1], &contract, SL_DATASET_FLOAT32, false, &writer, &err);
    if (status == SL_OK) {
        status = write_rows(writer, &contract, atoi(argv[2]), &err);
        sl_dataset_writer_free(writer);
    }
    if (status != SL_OK) fprintf(stderr, "make_grids: %s\n", err.message);
    return status == SL_OK ? 0 : 1;
}
