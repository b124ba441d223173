#include "coding/coder.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

void sl_coder_write(sl_coder *c)
{
    *c = (sl_coder){.writing = true};
}

static uint32_t load_state(const uint8_t *p)
{
    return sl_coder_word(p) | sl_coder_word(p + 2) << 16;
}

void sl_coder_read(sl_coder *c, const void *bytes, size_t n_bytes)
{
    *c = (sl_coder){.bytes = bytes, .n_bytes = n_bytes, .at = SL_CODER_HEAD};
    if (n_bytes < SL_CODER_HEAD) {
        c->failed = true;
        return;
    }
    c->x = load_state(c->bytes);
    c->y = load_state(c->bytes + 4);
    c->failed = c->x < SL_CODER_LOWEST || c->y < SL_CODER_LOWEST;
}

void sl_coder_release(sl_coder *c)
{
    free(c->choices);
    c->choices = NULL;
    c->n_choices = c->capacity = 0;
}

bool sl_coder_finish(const sl_coder *c)
{
    return !c->failed && c->at == c->n_bytes && c->x == SL_CODER_LOWEST && c->y == SL_CODER_LOWEST;
}

double sl_coder_bits(const sl_coder *c)
{
    if (!c->writing) {
        const double ahead = c->x > 0 && c->y > 0 ? log2((double)c->x) + log2((double)c->y) - 32 : 0;
        return 8.0 * (double)c->at - ahead;
    }
    double bits = 0;
    for (size_t i = 0; i < c->n_choices; i++) bits += SL_CODER_BITS - log2((double)(c->choices[i] >> 16));
    return bits;
}

void sl_coder_put(sl_coder *c, uint32_t start, uint32_t share)
{
    if (c->n_choices == c->capacity) {
        const size_t capacity = c->capacity > 0 ? 2 * c->capacity : 1024;
        uint32_t *choices = capacity <= SL_CODER_MOST_CHOICES ? realloc(c->choices, capacity * sizeof *choices) : NULL;
        if (choices == NULL) {
            c->failed = true;
            return;
        }
        c->choices = choices;
        c->capacity = capacity;
    }
    c->choices[c->n_choices++] = start | share << 16;
}

/* Words come out last first, so they are laid down from the end of the room. */
sl_status sl_coder_bytes(const sl_coder *c, void **bytes, size_t *n_bytes, sl_error *err)
{
    if (c->failed) {
        return c->n_choices >= SL_CODER_MOST_CHOICES
                   ? SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "more than %d choices to code", SL_CODER_MOST_CHOICES)
                   : SL_FAIL_NOMEM(err);
    }
    const size_t room = SL_CODER_HEAD + 2 * c->n_choices; /* a choice moves one word out at most */
    uint8_t *to = malloc(room);
    if (to == NULL) return SL_FAIL_NOMEM(err);
    uint32_t state[2] = {SL_CODER_LOWEST, SL_CODER_LOWEST};
    size_t at = room;
    for (size_t i = c->n_choices; i-- > 0;) {
        const uint32_t start = c->choices[i] & 0xffff, share = c->choices[i] >> 16;
        uint32_t *x = &state[i % 2];
        if (*x >= (uint64_t)share << (32 - SL_CODER_BITS)) {
            at -= 2;
            to[at] = (uint8_t)*x;
            to[at + 1] = (uint8_t)(*x >> 8);
            *x >>= 16;
        }
        *x = (*x / share << SL_CODER_BITS) + *x % share + start;
    }
    for (int s = 0; s < 2; s++) {
        for (int b = 0; b < 4; b++) to[4 * s + b] = (uint8_t)(state[s] >> 8 * b);
    }
    memmove(to + SL_CODER_HEAD, to + at, room - at);
    *bytes = to;
    *n_bytes = SL_CODER_HEAD + room - at;
    return SL_OK;
}

/* A model that has seen little moves far; one that has seen much, by a 32nd. */
static inline void learn(sl_bit_model *model, uint32_t bit)
{
    enum { SLOWEST = 5 };
    const int32_t ones = model->ones ^ 0x8000;
    const unsigned step = model->seen < SLOWEST ? model->seen + 1u : SLOWEST;
    const int32_t moved = bit ? ones + ((0xffff - ones) >> step) : ones - (ones >> step);
    model->ones = (uint16_t)(moved ^ 0x8000);
    model->seen = (uint8_t)step;
}

static inline uint32_t slots_of_zero(const sl_bit_model *model)
{
    const uint32_t zeros = (0xffffu - (model->ones ^ 0x8000u)) >> (16 - SL_CODER_BITS);
    return zeros < 1 ? 1 : zeros > SL_CODER_TOTAL - 1 ? SL_CODER_TOTAL - 1 : zeros;
}

static void put_bit(sl_coder *c, sl_bit_model *model, uint32_t bit)
{
    const uint32_t zeros = slots_of_zero(model);
    sl_coder_put(c, bit ? zeros : 0, bit ? SL_CODER_TOTAL - zeros : zeros);
    learn(model, bit);
}

static inline uint32_t take_bit(sl_coder *c, sl_bit_model *model)
{
    const uint32_t zeros = slots_of_zero(model), bit = sl_coder_slot(c) >= zeros;
    sl_coder_take(c, bit ? zeros : 0, bit ? SL_CODER_TOTAL - zeros : zeros);
    learn(model, bit);
    return bit;
}

static inline uint32_t take_tree(sl_coder *c, sl_bit_model *models, unsigned n)
{
    uint32_t node = 1;
    for (unsigned i = 0; i < n; i++) node = 2 * node + take_bit(c, &models[node]);
    return node - (1u << n);
}

void sl_code_bit(sl_coder *c, sl_bit_model *model, uint32_t *value)
{
    if (c->writing) {
        put_bit(c, model, *value);
    } else {
        *value = take_bit(c, model);
    }
}

static void put_raw(sl_coder *c, unsigned n, uint32_t value)
{
    while (n > 0) {
        const unsigned part = n < SL_RAW_AT_ONCE ? n : (unsigned)SL_RAW_AT_ONCE, shift = SL_CODER_BITS - part;
        n -= part;
        sl_coder_put(c, (value >> n & ((1u << part) - 1)) << shift, 1u << shift);
    }
}

void sl_code_raw(sl_coder *c, unsigned n, uint32_t *value)
{
    if (c->writing) {
        put_raw(c, n, *value);
    } else {
        *value = sl_coder_take_raw(c, n);
    }
}

static void put_tree(sl_coder *c, sl_bit_model *models, unsigned n, uint32_t value)
{
    uint32_t node = 1;
    for (unsigned i = n; i-- > 0;) {
        const uint32_t bit = value >> i & 1;
        put_bit(c, &models[node], bit);
        node = 2 * node + bit;
    }
}

void sl_code_trees(sl_coder *c, sl_bit_model *models, unsigned n, size_t count, uint8_t *values)
{
    for (size_t i = 0; c->writing && i < count; i++) put_tree(c, models, n, values[i]);
    if (c->writing) return;
    sl_coder own = *c;
    for (size_t i = 0; i < count; i++) values[i] = (uint8_t)take_tree(&own, models, n);
    *c = own;
}

void sl_code_tree(sl_coder *c, sl_bit_model *models, unsigned n, uint32_t *value)
{
    if (c->writing) {
        put_tree(c, models, n, *value);
        return;
    }
    sl_coder own = *c;
    *value = take_tree(&own, models, n);
    *c = own;
}

enum { LENGTH_BITS = 6, MOST_LENGTH = 32 };

static void put_number(sl_coder *c, sl_number_model *model, uint32_t value)
{
    const uint64_t from = (uint64_t)value + 1;
    uint32_t length = 0; /* bits behind the first of value + 1 */
    while (from >> (length + 1) != 0) length++;
    put_tree(c, model->length, LENGTH_BITS, length);
    if (length == 0) return;
    put_bit(c, &model->second[length], (uint32_t)(from >> (length - 1) & 1));
    put_raw(c, length - 1, (uint32_t)(from & (((uint64_t)1 << (length - 1)) - 1)));
}

void sl_code_number(sl_coder *c, sl_number_model *model, uint32_t *value)
{
    if (c->writing) {
        put_number(c, model, *value);
        return;
    }
    sl_coder own = *c;
    uint32_t length = take_tree(&own, model->length, LENGTH_BITS);
    if (length > MOST_LENGTH) length = MOST_LENGTH; /* of a stream that is broken */
    uint64_t to = 1;
    if (length > 0) {
        const uint32_t bit = take_bit(&own, &model->second[length]);
        to = ((uint64_t)(2 + bit) << (length - 1)) | sl_coder_take_raw(&own, length - 1);
    }
    *value = (uint32_t)(to - 1);
    *c = own;
}

void sl_code_signed(sl_coder *c, sl_number_model *model, int32_t *value)
{
    uint32_t folded = (uint32_t)*value << 1 ^ (*value < 0 ? UINT32_MAX : 0);
    sl_code_number(c, model, &folded);
    *value = (int32_t)(folded >> 1 ^ (folded & 1 ? UINT32_MAX : 0));
}
