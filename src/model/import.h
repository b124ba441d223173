/* model/import.h - importing without a file system, for tests and fuzzing. */
#ifndef SL_MODEL_IMPORT_H
#define SL_MODEL_IMPORT_H

#include "starling/contract.h"

/* As sl_model_import_tflite, into memory. Gives *out; free with free(). */
sl_status sl_model_import_tflite_memory(const void *bytes, size_t n_bytes, const sl_contract *contract, void **out,
                                        size_t *n_out, sl_error *err);

#endif
