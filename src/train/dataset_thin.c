/*
 * Data sets of fewer times: every k-th step of a grid is the grid of fewer steps, where the first and the last time stay
 * and each number of the input depends on its own time alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "starling/dataset.h"

sl_status sl_contract_thin(sl_contract *contract, uint32_t every, sl_error *err)
{
    SL_REQUIRE(contract != NULL && every >= 1, err);
    if (every == 1) return SL_OK;
    const char *why = NULL;
    const uint32_t gaps = contract->gp.grid_length - 1;
    if (contract->sees != SL_SEES_GRID) why = "the network sees no grid";
    else if (contract->scaling == SL_SCALING_MEDIAN_IQR) why = "the grid is scaled by its own quantiles";
    for (uint32_t i = 0; why == NULL && i < contract->n_features; i++) {
        if (sl_feature_of_fit(contract->features[i])) why = "features were found on the grid";
    }
    if (why != NULL) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "a grid of fewer times is no part of this one: %s", why);
    }
    if (gaps % every != 0) {
        return SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE, "every %u-th of %u times leaves out the last: %u is no multiple",
                       every, gaps + 1, gaps);
    }
    contract->gp.grid_length = gaps / every + 1;
    return SL_OK;
}

/* The rows of a grid that stay, and all behind it: extras as steps, features. In place. */
static void thin_input(float *input, uint32_t every, uint32_t steps, uint32_t channels, size_t floats)
{
    const size_t grid = (size_t)steps * channels, row = channels * sizeof *input;
    float *to = input;
    for (uint32_t t = 0; t < steps; t += every, to += channels) memmove(to, input + (size_t)t * channels, row);
    memmove(to, input + grid, (floats - grid) * sizeof *input);
}

sl_status sl_dataset_thin(const sl_dataset *data, uint32_t every, const char *path, sl_error *err)
{
    SL_REQUIRE(data != NULL && path != NULL, err);
    const sl_contract *whole = sl_dataset_contract(data);
    const uint32_t steps = whole->gp.grid_length, channels = sl_contract_input_channels(whole);
    const size_t floats = sl_contract_input_floats(whole), n = sl_dataset_rows(data);
    sl_dataset_writer *writer = NULL;
    sl_contract *contract = malloc(sizeof *contract);
    float *room = malloc(floats * sizeof *room);
    sl_status status = contract != NULL && room != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    if (status == SL_OK) {
        *contract = *whole;
        status = sl_contract_thin(contract, every, err);
    }
    if (status == SL_OK) {
        status = sl_dataset_writer_new(path, contract, sl_dataset_stored_as(data), false, &writer, err);
    }
    for (size_t i = 0; status == SL_OK && i < n; i++) {
        sl_dataset_row row;
        sl_dataset_get(data, i, &row);
        const float *input = sl_dataset_input(data, i, room);
        if (input != room) memcpy(room, input, floats * sizeof *room);
        if (every > 1) thin_input(room, every, steps, channels, floats);
        status = sl_dataset_writer_add(writer, &row, room, err);
    }
    if (status == SL_OK) status = sl_dataset_writer_finish(writer, err);
    sl_dataset_writer_free(writer);
    free(contract);
    free(room);
    return status;
}

bool sl_dataset_same_rows(const sl_dataset *a, const sl_dataset *b)
{
    const size_t n = sl_dataset_rows(a);
    const sl_contract *of_a = sl_dataset_contract(a), *of_b = sl_dataset_contract(b);
    bool same = n == sl_dataset_rows(b) && of_a->n_classes == of_b->n_classes;
    for (uint32_t c = 0; same && c < of_a->n_classes; c++) same = strcmp(of_a->classes[c].name, of_b->classes[c].name) == 0;
    for (size_t i = 0; same && i < n; i++) {
        sl_dataset_row x, y;
        sl_dataset_get(a, i, &x);
        sl_dataset_get(b, i, &y);
        same = x.object_id.len == y.object_id.len && memcmp(x.object_id.ptr, y.object_id.ptr, x.object_id.len) == 0 &&
               x.copy == y.copy && x.label == y.label;
    }
    return same;
}
