/* compress/pack.h - the last step: weights into their form where training did not bring them there, and into the file. */
#ifndef SL_COMPRESS_PACK_H
#define SL_COMPRESS_PACK_H

#include "starling/compress.h"

/*
 * Write the model as the options say, and fill the result's sizes. With
 * `shape` it is pruned and clustered here; else that was done, and only input
 * values that have no weight left are dropped. `origin` is the large model's id,
 * which becomes the contract's source. `path` may be the file that the
 * model was opened from.
 */
sl_status sl_compress_pack(const sl_model *model, const sl_compress_options *options, bool shape, const char *origin, const char *path,
                           sl_compress_result *result, sl_error *err);

#endif
