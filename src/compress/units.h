/*
 * compress/units.h - whole hidden units and attention heads: where a network has
 * them, what each is worth, and taking them out, which leaves a narrower network
 * that needs nothing to know of what it was.
 */
#ifndef SL_COMPRESS_UNITS_H
#define SL_COMPRESS_UNITS_H

#include "starling/compress.h"
#include "train/net.h"

/* What a tensor is to its units. */
typedef enum sl_units_role {
    SL_UNITS_ASIDE = 0, /* it has numbers of theirs, and says nothing of their size */
    SL_UNITS_MADE,      /* a unit grows with them */
    SL_UNITS_TAKEN      /* the next layer's weights of them */
} sl_units_role;

/* A tensor in which units lie along its first axis, or along its last one. */
typedef struct sl_units_place {
    size_t tensor;
    bool last;
    sl_units_role role;
} sl_units_place;

enum { SL_UNITS_PLACES = 16 };

/*
 * Units that can be taken out one by one: those of a layer between two products
 * of weights, or the heads of an encoder. In each place they are the first
 * n x block numbers along the axis.
 */
typedef struct sl_units {
    size_t layer; /* that says how many there are */
    bool heads;
    uint32_t n, block;
    size_t n_places;
    sl_units_place place[SL_UNITS_PLACES];
} sl_units;

/*
 * All of a network, in its order; an encoder's heads come before its
 * feed-forward. Dense layers and convolutions have units where another of
 * them takes what they give, be it through norms, means over time or last
 * steps, and with features joined to it; t2's feed-forward has. Channels that
 * are added to others on their way (an encoder's width), recurrent states, and
 * what is pooled with a neighbour or flattened are none.
 * Gives *out (free), *n of them.
 */
sl_status sl_units_find(const sl_model_parts *parts, sl_units **out, size_t *n, sl_error *err);

/*
 * The narrower network: gives an open model in *out, and in *bytes what it lies
 * in (close the one, then free the other). As many units and heads are left as
 * the options say, those worth most by the data's objects to learn from (see
 * units_worth.c), or by the size of their weights where `data` is NULL. By
 * data it goes in eight stages of equal factors, and what is left is weighed
 * anew in each: of units that say the same the last one counts for all of them.
 * result: how many there were and are. SL_ERR_UNSUPPORTED where there is nothing to take
 * out, SL_ERR_INVAL where the options name another number of layers than there are.
 */
sl_status sl_units_cut(const sl_model *model, const sl_dataset *data, const sl_compress_options *options,
                       const sl_train_options *train, sl_model **out, void **bytes, sl_compress_result *result, sl_error *err);

/* What each unit is worth: worth[i][u] for unit u of units[i]. data: NULL, or of the network's contract. units_worth.c */
sl_status sl_units_weigh(const sl_train_net *net, size_t n, const sl_units *units, const sl_dataset *data,
                         const sl_train_options *train, double *const *worth, sl_error *err);

/* Which unit number i along the axis of a place is a part of; all beyond the last one are none of theirs. */
static inline size_t sl_units_at(const sl_units *u, const sl_units_place *place, const sl_tensor *t, size_t i)
{
    size_t inner = 1;
    for (uint32_t k = 1; !place->last && k < t->rank; k++) inner *= t->shape[k];
    const size_t width = place->last ? t->shape[t->rank - 1] : t->shape[0];
    return i / inner % width / u->block;
}

#endif
