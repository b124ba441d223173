/* The contract and the layers of a packed model: each field says whether it is as in the contract "starling". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/packed.h"

/* What the fields share. */
typedef struct fields {
    sl_coder *c;
    sl_bit_model same, flag, letter[256];
    sl_number_model number;
} fields;

static bool code_same(fields *f, bool same)
{
    uint32_t bit = same;
    sl_code_bit(f->c, &f->same, &bit);
    return bit != 0;
}

static bool code_flag(fields *f, bool flag)
{
    uint32_t bit = flag;
    sl_code_bit(f->c, &f->flag, &bit);
    return bit != 0;
}

static void code_whole(fields *f, uint32_t *value, uint32_t standard)
{
    if (code_same(f, *value == standard)) {
        *value = standard;
    } else {
        sl_code_number(f->c, &f->number, value);
    }
}

/* Fields of an enumeration's type. */
#define CODE_ENUM(f, field, standard)                          \
    do {                                                       \
        uint32_t code_enum_ = (uint32_t)(field);               \
        code_whole((f), &code_enum_, (uint32_t)(standard));    \
        (field) = (__typeof__(field))code_enum_;               \
    } while (0)

static void code_raw_double(fields *f, double *value)
{
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    uint32_t low = (uint32_t)bits, high = (uint32_t)(bits >> 32);
    sl_code_raw(f->c, 32, &low);
    sl_code_raw(f->c, 32, &high);
    bits = (uint64_t)high << 32 | low;
    memcpy(value, &bits, sizeof bits);
}

static void code_raw_float(fields *f, float *value)
{
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    sl_code_raw(f->c, 32, &bits);
    memcpy(value, &bits, sizeof bits);
}

/* Most of them are whole hundredths, since people wrote them. */
static void code_real(fields *f, double *value, double standard)
{
    if (code_same(f, memcmp(value, &standard, sizeof standard) == 0)) {
        *value = standard;
        return;
    }
    const double hundreds = fabs(*value) < 1e7 ? rint(*value * 100) : 0;
    int32_t n = (int32_t)hundreds;
    const double again = n / 100.0;
    if (!code_flag(f, memcmp(&again, value, sizeof again) == 0)) {
        code_raw_double(f, value);
        return;
    }
    sl_code_signed(f->c, &f->number, &n);
    *value = n / 100.0;
}

static void code_float(fields *f, float *value, float standard)
{
    if (code_same(f, memcmp(value, &standard, sizeof standard) == 0)) {
        *value = standard;
    } else {
        code_raw_float(f, value);
    }
}

/* size: of the room, its end included; a longer text of a broken stream is cut. */
static void code_text(fields *f, char *text, size_t size)
{
    uint32_t n = f->c->writing ? (uint32_t)strnlen(text, size - 1) : 0;
    sl_code_number(f->c, &f->number, &n);
    if (n > size - 1) n = (uint32_t)(size - 1);
    sl_code_trees(f->c, f->letter, 8, n, (uint8_t *)text);
    if (!f->c->writing) memset(text + n, 0, size - n);
}

static sl_status broken(const char *what, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "packed model: %s", what);
}

static sl_status code_bands(fields *f, sl_contract *c, const sl_contract *standard, sl_error *err)
{
    code_whole(f, &c->n_bands, standard->n_bands);
    if (c->n_bands > SL_MAX_BANDS) return broken("too many bands", err);
    for (uint32_t b = 0; b < c->n_bands; b++) {
        code_text(f, c->bands[b].name, sizeof c->bands[b].name);
        code_real(f, &c->bands[b].wavelength_aa, standard->bands[b].wavelength_aa);
    }
    code_whole(f, &c->n_channels, standard->n_channels);
    CODE_ENUM(f, c->channel_rule, standard->channel_rule);
    return c->n_channels > SL_MAX_BANDS ? broken("too many channels", err) : SL_OK;
}

static void code_points(fields *f, sl_contract *c, const sl_contract *standard)
{
    code_real(f, &c->zero_point, standard->zero_point);
    CODE_ENUM(f, c->time_order, standard->time_order);
    CODE_ENUM(f, c->exposure_moment, standard->exposure_moment);
    CODE_ENUM(f, c->time_scale, standard->time_scale);
    code_whole(f, &c->use, standard->use);
    c->one_per_visit = code_flag(f, c->one_per_visit);
    c->signed_flux = code_flag(f, c->signed_flux);
    c->drop_bad = code_flag(f, c->drop_bad);
    code_real(f, &c->window_before_day, standard->window_before_day);
    code_real(f, &c->window_after_day, standard->window_after_day);
    code_whole(f, &c->min_points, standard->min_points);
    code_whole(f, &c->min_bands, standard->min_bands);
    code_whole(f, &c->max_points, standard->max_points);
}

static void code_gp(fields *f, sl_gp_rules *g, const sl_gp_rules *standard)
{
    code_real(f, &g->amplitude_factor, standard->amplitude_factor);
    code_real(f, &g->wavelength_scale_aa, standard->wavelength_scale_aa);
    code_real(f, &g->jitter, standard->jitter);
    code_real(f, &g->amplitude_halfwidth, standard->amplitude_halfwidth);
    code_real(f, &g->metric_start, standard->metric_start);
    code_real(f, &g->metric_min, standard->metric_min);
    code_real(f, &g->metric_max, standard->metric_max);
    code_real(f, &g->tolerance, standard->tolerance);
    code_whole(f, &g->grid_length, standard->grid_length);
}

static sl_status code_input(fields *f, sl_contract *c, const sl_contract *standard, sl_error *err)
{
    CODE_ENUM(f, c->scaling, standard->scaling);
    for (uint32_t k = 0; c->scaling == SL_SCALING_FIXED && k < c->n_channels; k++) {
        code_raw_float(f, &c->center[k]);
        code_raw_float(f, &c->spread[k]);
    }
    CODE_ENUM(f, c->extra_mode, standard->extra_mode);
    code_whole(f, &c->n_extras, 0);
    if (c->n_extras > SL_MAX_EXTRAS) return broken("too many extra features", err);
    for (uint32_t i = 0; i < c->n_extras; i++) CODE_ENUM(f, c->extras[i], i);
    CODE_ENUM(f, c->sees, standard->sees);
    code_whole(f, &c->max_nights, standard->max_nights);
    code_whole(f, &c->planes, standard->planes);
    code_float(f, &c->asinh_scale, standard->asinh_scale);
    code_whole(f, &c->grid_wavelengths, standard->grid_wavelengths);
    return SL_OK;
}

static sl_status code_features(fields *f, sl_contract *c, sl_error *err)
{
    sl_number_model next = {0};
    sl_bit_model all = {0}, band[SL_MAX_BANDS] = {0};
    code_whole(f, &c->n_features, 0);
    if (c->n_features > SL_MAX_FEATURES) return broken("too many features", err);
    int32_t before = 0;
    for (uint32_t i = 0; i < c->n_features; i++) {
        int32_t change = (int32_t)c->features[i] - before - 1;
        sl_code_signed(f->c, &next, &change);
        before = (int32_t)((uint32_t)before + 1 + (uint32_t)change);
        c->features[i] = (sl_feature)before;
        if (!sl_feature_of_bands(c->features[i])) continue;
        uint32_t some = c->feature_bands[i] != 0, mask = 0;
        sl_code_bit(f->c, &all, &some);
        for (uint32_t b = 0; some && b < c->n_bands; b++) {
            uint32_t bit = c->feature_bands[i] >> b & 1;
            sl_code_bit(f->c, &band[b], &bit);
            mask |= bit << b;
        }
        c->feature_bands[i] = (uint8_t)mask;
    }
    const uint32_t n_values = sl_contract_input_features(c);
    if (n_values > SL_MAX_FEATURE_VALUES) return broken("too many values of features", err);
    if (n_values == 0) return SL_OK;
    code_whole(f, &c->feature_knots, 0);
    if (c->feature_knots > SL_MAX_KNOTS) return broken("too many knots", err);
    if (c->feature_knots > 0) SL_TRY(sl_packed_tables(f->c, c, n_values, err));
    for (uint32_t i = 0; c->feature_knots == 0 && i < n_values; i++) {
        code_raw_float(f, &c->feature_center[i]);
        code_raw_float(f, &c->feature_spread[i]);
    }
    return SL_OK;
}

/* A class that has the name of one in the contract "starling" mostly has its numbers. */
static sl_status code_classes(fields *f, sl_contract *c, const sl_contract *standard, sl_error *err)
{
    code_whole(f, &c->n_classes, standard->n_classes);
    if (c->n_classes > SL_MAX_CLASSES) return broken("too many classes", err);
    for (uint32_t i = 0; i < c->n_classes; i++) {
        sl_class *k = &c->classes[i];
        code_text(f, k->name, sizeof k->name);
        sl_class known = {.plasticc_id = 0};
        for (uint32_t s = 0; s < standard->n_classes; s++) {
            if (strcmp(standard->classes[s].name, k->name) == 0) known = standard->classes[s];
        }
        if (code_same(f, k->plasticc_id == known.plasticc_id && k->elasticc_id == known.elasticc_id)) {
            k->plasticc_id = known.plasticc_id;
            k->elasticc_id = known.elasticc_id;
        } else {
            sl_code_signed(f->c, &f->number, &k->plasticc_id);
            sl_code_signed(f->c, &f->number, &k->elasticc_id);
        }
    }
    return SL_OK;
}

static sl_status code_contract(fields *f, sl_contract *c, const sl_contract *standard, sl_error *err)
{
    code_text(f, c->name, sizeof c->name);
    SL_TRY(code_bands(f, c, standard, err));
    code_points(f, c, standard);
    code_gp(f, &c->gp, &standard->gp);
    SL_TRY(code_input(f, c, standard, err));
    SL_TRY(code_features(f, c, err));
    SL_TRY(code_classes(f, c, standard, err));
    code_text(f, c->source, sizeof c->source);
    code_text(f, c->created_by, sizeof c->created_by);
    return SL_OK;
}

sl_status sl_packed_contract(sl_coder *c, sl_contract *contract, sl_error *err)
{
    fields f = {.c = c};
    sl_contract *standard = malloc(sizeof *standard);
    if (standard == NULL) return SL_FAIL_NOMEM(err);
    if (!c->writing) memset(contract, 0, sizeof *contract);
    sl_status status = sl_contract_preset("starling", standard, err);
    if (status == SL_OK) status = code_contract(&f, contract, standard, err);
    free(standard);
    return status;
}

static void code_layer(fields *f, sl_bit_model kinds[32], sl_layer *layer)
{
    uint32_t kind = (uint32_t)layer->kind;
    sl_code_tree(f->c, kinds, 5, &kind);
    layer->kind = (sl_layer_kind)kind;
    CODE_ENUM(f, layer->activation, 0);
    code_whole(f, &layer->n_tensors, 0);
    switch (layer->kind) {
    case SL_LAYER_TCN: code_whole(f, &layer->dilation, 1); /* fall through */
    case SL_LAYER_CONV1D: code_whole(f, &layer->kernel, 1); /* fall through */
    case SL_LAYER_DENSE: code_whole(f, &layer->units, 0); break;
    case SL_LAYER_GRU:
    case SL_LAYER_LSTM:
        code_whole(f, &layer->units, 0);
        layer->bidirectional = code_flag(f, layer->bidirectional);
        break;
    case SL_LAYER_MAX_POOL:
        code_whole(f, &layer->pool_steps, 1);
        code_whole(f, &layer->pool_channels, 1);
        break;
    case SL_LAYER_ENCODER:
        code_whole(f, &layer->heads, 16);
        code_whole(f, &layer->key_dim, 2);
        code_whole(f, &layer->hidden, 128);
        code_float(f, &layer->epsilon, 1e-6f);
        break;
    case SL_LAYER_NORM: code_float(f, &layer->epsilon, 1e-5f); break;
    default: break;
    }
}

sl_status sl_packed_layers(sl_coder *c, sl_model_parts *parts, sl_arena *arena, sl_error *err)
{
    fields f = {.c = c};
    sl_bit_model kinds[32] = {0};
    uint32_t n = (uint32_t)parts->n_layers;
    sl_code_number(c, &f.number, &n);
    if (n > SL_MAX_LAYERS) return broken("too many layers", err);
    if (!c->writing) {
        parts->n_layers = n;
        parts->n_tensors = 0;
        parts->layers = SL_ARENA_NEW(arena, sl_layer, n);
        if (parts->layers == NULL) return SL_FAIL_NOMEM(err);
        memset(parts->layers, 0, n * sizeof *parts->layers);
    }
    for (uint32_t i = 0; i < n; i++) {
        code_layer(&f, kinds, &parts->layers[i]);
        if (c->writing) continue;
        if (parts->layers[i].n_tensors > SL_MAX_TENSORS) return broken("too many tensors", err);
        parts->n_tensors += parts->layers[i].n_tensors;
    }
    return parts->n_tensors > SL_MAX_TENSORS ? broken("too many tensors", err) : SL_OK;
}
