/* model/model_write.h - making model files from plain structs: for the importer, training and tests. */
#ifndef SL_MODEL_MODEL_WRITE_H
#define SL_MODEL_MODEL_WRITE_H

#include "model/parts.h"
#include "starling/model.h"

/*
 * Check everything that opening checks, then write. format_version is set
 * here, created_by if it is empty. Gives *bytes (aligned for
 * sl_model_open_memory by malloc or not: that copies if it must); free with free().
 */
sl_status sl_model_write_memory(const sl_model_parts *parts, void **bytes, size_t *n_bytes, sl_error *err);
/*
 * The model's bytes with another temperature and novelty (NULL: none), all else
 * as it was. Gives *bytes; free with free().
 */
sl_status sl_model_recalibrate(const sl_model *model, float temperature, const sl_novelty *novelty, void **bytes,
                               size_t *n_bytes, sl_error *err);
/* The same into a file, as a whole or not at all. */
sl_status sl_model_write(const sl_model_parts *parts, const char *path, sl_error *err);

#endif
