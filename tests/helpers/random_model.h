/* tests/helpers/random_model.h - a model of t2's shape with random weights, for tests that have no real one. */
#ifndef SL_TESTS_RANDOM_MODEL_H
#define SL_TESTS_RANDOM_MODEL_H

#include "starling/model.h"

/*
 * A model file under the contract of that name ("starling", "reference"):
 * t2's layers and sizes, weights that are the same on every machine. Its
 * answers mean nothing. Gives *bytes; free with free().
 */
sl_status random_model(const char *contract, void **bytes, size_t *n_bytes, sl_error *err);

#endif
