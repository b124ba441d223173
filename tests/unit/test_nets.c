/* The networks by name: their sizes, their first weights, and what is refused. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "starling/model.h"
#include "train/nets.h"

static sl_contract six_bands(void)
{
    sl_contract c;
    sl_contract_preset("starling", &c, NULL);
    c.n_bands = c.n_channels = 6;
    for (uint32_t b = 0; b < 6; b++) {
        c.bands[b] = (sl_band){.wavelength_aa = 4000 + 1000 * b};
        c.bands[b].name[0] = "ugrizy"[b];
    }
    return c;
}

static sl_model_parts build(const char *name, const sl_contract *contract, uint64_t seed, sl_arena *arena)
{
    sl_net_size size;
    sl_model_parts parts;
    sl_error err;
    assert_ok(sl_net_size_preset(name, &size, &err), &err);
    assert_ok(sl_net_build(&size, contract, seed, arena, &parts, &err), &err);
    return parts;
}

/* Counted by hand from the papers' layers, for six bands and 14 classes. */
static void each_is_as_large_as_its_paper_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t n_parameters, n_layers;
        bool every_step;
    } nets[] = {
        {"t2", 32 * 7 + 4 * 32 * 33 + 128 * 33 + 32 * 129 + 4 * 32 + 14 * 33, 6, false},
        {"gru", 300 * (6 + 100 + 2) + 300 * (100 + 100 + 2) + 14 * 101, 5, true},
        {"lstm", 2 * 128 * (6 + 32 + 2) + 2 * 128 * (64 + 32 + 2) + 14 * 65, 5, false},
        {"tcn", 100 * (2 * 6 + 1) + 100 * 201 + 100 * 7 + 6 * 100 * 201 + 14 * 101, 7, true},
        {"cnn", 32 * (3 * 6 + 1) + 32 * 97 + 2 * 16 * (3 * 16 + 1) + 32 * (25 * 8 + 1) + 14 * 33, 10, false},
        {"mlp", 256 * 9 + 128 * 259 + 14 * 129, 7, false},
    };
    const sl_contract c = six_bands();
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        assert_string_equal(sl_net_name(i), nets[i].name);
        sl_net_size size;
        sl_error err;
        sl_model *model;
        sl_model_info info;
        char path[] = "/tmp/starling-net-XXXXXX";
        close(mkstemp(path));
        assert_ok(sl_net_size_preset(nets[i].name, &size, &err), &err);
        assert_ok(sl_net_write(&size, &c, 1, path, &err), &err);
        assert_ok(sl_model_open(path, &model, &err), &err);
        sl_model_describe(model, &info);
        assert_int_equal(info.n_parameters, nets[i].n_parameters);
        assert_int_equal(info.n_layers, nets[i].n_layers);
        assert_int_equal(info.answers_every_step, nets[i].every_step);
        sl_model_close(model);
        unlink(path);
    }
    assert_null(sl_net_name(sizeof nets / sizeof nets[0]));
}

static void a_seed_is_the_same_weights(void **state)
{
    (void)state;
    const sl_contract c = six_bands();
    for (size_t i = 0; sl_net_name(i) != NULL; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 27);
        const sl_model_parts a = build(sl_net_name(i), &c, 5, &arena), b = build(sl_net_name(i), &c, 5, &arena);
        const sl_model_parts other = build(sl_net_name(i), &c, 6, &arena);
        assert_int_equal(a.n_tensors, b.n_tensors);
        for (size_t t = 0; t < a.n_tensors; t++) assert_memory_equal(a.tensors[t].data, b.tensors[t].data, a.tensors[t].n_bytes);
        assert_memory_not_equal(a.tensors[0].data, other.tensors[0].data, a.tensors[0].n_bytes);
        sl_arena_release(&arena);
    }
}

/* What states give a GRU's gates changes no length. */
static void states_of_a_gru_begin_orthogonal(void **state)
{
    (void)state;
    const sl_contract c = six_bands();
    sl_arena arena;
    sl_arena_init(&arena, 1 << 27);
    const sl_model_parts parts = build("gru", &c, 5, &arena);
    const float *w = parts.tensors[2].data;
    assert_int_equal(parts.tensors[2].shape[0], 300);
    for (int i = 0; i < 100; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int r = 0; r < 300; r++) sum += (double)w[r * 100 + i] * (double)w[r * 100 + j];
            assert_true(fabs(sum - (i == j)) < 1e-6);
        }
    }
    sl_arena_release(&arena);
}

static void features_join_where_they_are_told_to(void **state)
{
    (void)state;
    sl_contract c = six_bands();
    c.n_features = 1;
    c.features[0] = SL_FEATURE_LOG_PEAK;
    c.feature_spread[0] = 1;
    for (size_t i = 0; sl_net_name(i) != NULL; i++) {
        sl_arena arena;
        sl_arena_init(&arena, 1 << 27);
        const sl_model_parts parts = build(sl_net_name(i), &c, 5, &arena);
        sl_net_size size;
        assert_int_equal(sl_net_size_preset(sl_net_name(i), &size, NULL), SL_OK);
        size_t features = 0;
        for (size_t k = 0; k < parts.n_layers; k++) features += parts.layers[k].kind == SL_LAYER_FEATURES;
        assert_int_equal(features, 1);
        assert_int_equal(parts.layers[0].kind == SL_LAYER_FEATURES, size.tile);
        sl_arena_release(&arena);
    }
}

static void what_is_no_size_is_refused(void **state)
{
    (void)state;
    const sl_contract c = six_bands();
    sl_net_size size;
    sl_error err;
    assert_int_equal(sl_net_size_preset("t3", &size, &err), SL_ERR_INVAL);
    assert_int_equal(sl_net_size_preset(NULL, &size, &err), SL_ERR_INVAL);
    for (size_t i = 0; sl_net_name(i) != NULL; i++) {
        sl_net_size_preset(sl_net_name(i), &size, NULL);
        const sl_net_size sizes[] = {{.width = 0}, {.width = 5000}, {.blocks = 33}, {.kernel = 65}, {.head = {0, 5000}}};
        for (int k = 0; k < 5; k++) {
            sl_net_size bad = size;
            if (k < 2) bad.width = sizes[k].width;
            if (k == 2) bad.blocks = sizes[k].blocks;
            if (k == 3) bad.kernel = sizes[k].kernel;
            if (k == 4) bad.head[1] = sizes[k].head[1];
            assert_int_equal(sl_net_write(&bad, &c, 1, "/nowhere/at/all", &err), SL_ERR_INVAL);
        }
    }
    sl_contract none = c;
    none.n_bands = 0;
    assert_int_equal(sl_net_write(&size, &none, 1, "/nowhere/at/all", &err), SL_ERR_FORMAT);
    assert_int_equal(sl_net_write(&size, &c, 1, "/nowhere/at/all", &err), SL_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_as_large_as_its_paper_says),
        cmocka_unit_test(a_seed_is_the_same_weights),
        cmocka_unit_test(states_of_a_gru_begin_orthogonal),
        cmocka_unit_test(features_join_where_they_are_told_to),
        cmocka_unit_test(what_is_no_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
