/* Any bytes as a TFLite file: imported under a small contract; what comes out must open. */
#include <stdio.h>
#include <stdlib.h>

#include "model/import.h"
#include "starling/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_error err;
    sl_contract contract;
    if (sl_contract_preset("starling", &contract, &err) != SL_OK) abort();
    contract.n_bands = contract.n_channels = 1; /* the size of fuzz/make_model_corpus.c */
    contract.gp.grid_length = 3;
    contract.n_classes = 2;
    void *out = NULL;
    size_t n_out = 0;
    if (sl_model_import_tflite_memory(data, size, &contract, &out, &n_out, &err) != SL_OK) return 0;
    sl_model *model = NULL;
    if (sl_model_open_memory(out, n_out, &model, &err) != SL_OK) abort();
    sl_model_close(model);
    free(out);
    return 0;
}
