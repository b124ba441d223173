/*
 * train/nets.h - networks by name: the layers and first weights of each. A
 * network of the zoo is a function here that lists its layers.
 */
#ifndef SL_TRAIN_NETS_H
#define SL_TRAIN_NETS_H

#include "base/arena.h"
#include "base/rng.h"
#include "model/parts.h"
#include "starling/train.h"

/*
 * A network for the contract. Everything is allocated from the arena, but what
 * the contract borrows. Matrices begin uniform within root(6 / (rows +
 * columns)) (Glorot), of a convolution rows and columns times its kernel;
 * biases 0, norms 1 and 0; recurrent layers as their papers' frameworks begin
 * them. SL_ERR_INVAL for a name or a size that is none.
 */
sl_status sl_net_build(const sl_net_size *size, const sl_contract *contract, uint64_t seed, sl_arena *arena,
                       sl_model_parts *out, sl_error *err);

#endif
