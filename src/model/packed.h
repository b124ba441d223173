/*
 * model/packed.h - a model whose contract, layers and weights stand in one
 * coded stream (docs/format.md, "Packed models"). Inside the model room and for
 * those who write models.
 */
#ifndef SL_MODEL_PACKED_H
#define SL_MODEL_PACKED_H

#include "base/arena.h"
#include "coding/bits.h"
#include "coding/coder.h"
#include "coding/shares.h"
#include "model/parts.h"

typedef enum sl_coding {
    SL_CODING_PLAIN = 0, /* each number in as many bits as there are values for */
    SL_CODING_HUFFMAN = 1,
    SL_CODING_RANS = 2,
    SL_CODING_AUTO = 3, /* writing: whichever is smallest, tensor by tensor */
    SL_N_CODINGS
} sl_coding;

/*
 * How a model is to be packed. A tensor with at most 255 different values
 * beside 0 becomes a codebook and indices, which loses nothing (float16 where
 * all of its values are such, else float32); int8 stays int8, bfloat16 stays
 * bfloat16. What is left:
 */
struct sl_packing {
    sl_coding coding;
    unsigned grid_bits;   /* not 0: matrices whose rows are whole numbers of so many bits (2 to 8, sign included) times a
                             scale of the row are stored so; lossless, or not done */
    unsigned matrix_bits; /* others: 32 as they are, 16 rounded to float16 */
    unsigned vector_bits; /* biases, norms: 32, 16, or 2 to 8: so many levels from the least to the largest */
    bool int8;            /* with grid_bits: matrices of Encoder and Dense run in int8 arithmetic, else they are widened */
};
/* Loses nothing, smallest. */
extern const sl_packing sl_packing_lossless;

/* Round the knots of a contract's feature tables to what takes little room, each by at most `bound` of the way to the nearer
   of its neighbours: 0.15 is .05 or so in the normal score, and saves half. Knots that equal a neighbour stay as they are, but
   for the sign of a zero, which no table of a packed model keeps. */
void sl_packed_round_tables(sl_contract *contract, double bound);

/* ---- inside the model room ---- */

/* What stands in the stream for a tensor. The numbers are those of the file. */
typedef enum sl_packed_kind {
    SL_PACKED_FLOAT32 = 0, /* bytes */
    SL_PACKED_FLOAT16 = 1,
    SL_PACKED_BFLOAT16 = 2,
    SL_PACKED_LEVELS = 3,     /* float16 least and step, levels */
    SL_PACKED_CODEBOOK16 = 4, /* float16 values and indices */
    SL_PACKED_CODEBOOK32 = 5,
    SL_PACKED_INT8 = 6, /* integers and a scale */
    SL_PACKED_ROWS = 7  /* integers and a scale a row */
} sl_packed_kind;

/* "float32", "codebook", ...; "?" for a number that is none. */
const char *sl_packed_name(unsigned kind);
/* "plain", "huffman", "rans". */
const char *sl_coding_name(unsigned coding);

/* Whether it has indices. */
static inline bool sl_packed_has_book(unsigned kind)
{
    return kind >= SL_PACKED_CODEBOOK16;
}

/* What a stream has learnt, from tensor to tensor. */
typedef struct sl_packed_models {
    sl_bit_model kind[8], coding[4];
    sl_number_model count, gap;
} sl_packed_models;

struct sl_packed_reader {
    sl_coder coder;
    sl_bits bits;
    sl_packed_models models;
    bool done;
    sl_slots *slots; /* room for two */
};

/* Contract and layers, both ways; reading allocates the layers from the arena. */
sl_status sl_packed_contract(sl_coder *c, sl_contract *contract, sl_error *err);
/* The tables of n_values features, as a part of it. */
sl_status sl_packed_tables(sl_coder *c, sl_contract *contract, uint32_t n_values, sl_error *err);
sl_status sl_packed_layers(sl_coder *c, sl_model_parts *parts, sl_arena *arena, sl_error *err);

/* Fill out->packed. Gives both of its vectors; free with sl_packed_free. The parts must have passed sl_network_build. */
sl_status sl_packed_write(const sl_model_parts *parts, const sl_packing *packing, sl_packed *out, sl_error *err);
void sl_packed_free(sl_packed *packed);

/* From out->packed: contract, layers, a reader, and tensors of which nothing is known yet. */
sl_status sl_packed_open(sl_model_parts *out, sl_arena *arena, sl_error *err);
/* The next tensor, n numbers in rows; shape, storage, data and n_bytes are filled in. */
sl_status sl_packed_next(sl_packed_reader *r, uint32_t rank, const uint32_t *shape, sl_arena *arena, sl_tensor *out, sl_error *err);
/* After the last: was it the whole stream? */
sl_status sl_packed_done(sl_packed_reader *r, sl_error *err);

#endif
