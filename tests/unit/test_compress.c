/* Compression: clusters, rounding, the form that weights take while they are learned, and what becomes of a model. */
#include "folder.h"
#include "train_data.h"

#include "compress/cluster.h"
#include "compress/quantize.h"
#include "model/open_model.h"
#include "starling/answers.h"
#include "starling/compress.h"

static const data_size small = {.objects = 200, .copies = 2, .steps = 20, .features = 6, .classes = 3, .telling = true};

/* ---- clusters ---- */

enum { N = 2000 };

static void fill_normal(float *x)
{
    sl_rng rng;
    sl_rng_init(&rng, 3, 3);
    for (int i = 0; i < N; i++) x[i] = (float)sl_rng_normal(&rng);
}

static double distortion(const sl_clusters *c, const float *x, size_t *counts)
{
    static uint8_t index[N];
    double sum = 0;
    sl_cluster_assign(c, N, x, index);
    memset(counts, 0, SL_MAX_CLUSTERS * sizeof *counts);
    for (int i = 0; i < N; i++) {
        assert_true(index[i] < c->n);
        counts[index[i]]++;
        const double d = (double)x[i] - (double)c->center[index[i]];
        sum += d * d;
    }
    return sum / N;
}

/* The least distortion of a normal distribution at 8 levels is 0.03454 (Max 1960). */
static void clusters_are_near_the_best(void **state)
{
    (void)state;
    static float x[N], scratch[N];
    static size_t counts[SL_MAX_CLUSTERS];
    static sl_clusters c;
    fill_normal(x);
    for (int start = 0; start < SL_N_CLUSTER_STARTS; start++) {
        sl_cluster_fit(N, x, 8, false, (sl_cluster_start)start, 1, scratch, &c);
        assert_int_equal(c.n, 8);
        const double d = distortion(&c, x, counts);
        assert_true(d > 0.030 && d < 0.040);
        for (uint32_t i = 0; i + 1 < c.n; i++) assert_true(c.center[i] < c.bound[i] && c.bound[i] < c.center[i + 1]);
        sl_cluster_fit(N, x, 9, true, (sl_cluster_start)start, 1, scratch, &c);
        bool zero = false;
        for (uint32_t i = 0; i < c.n; i++) zero = zero || c.center[i] == 0;
        assert_true(zero);
    }
    /* Five in six are pruned: the others have as many values, wherever they start. */
    for (int i = 0; i < N; i++) x[i] = i % 6 == 0 ? x[i] : 0;
    for (int start = 0; start < SL_N_CLUSTER_STARTS; start++) {
        sl_cluster_fit(N, x, 9, true, (sl_cluster_start)start, 1, scratch, &c);
        assert_int_equal(c.n, 9);
        assert_true(6 * distortion(&c, x, counts) < 0.040);
    }
}

static void each_number_goes_to_the_nearest(void **state)
{
    (void)state;
    static float x[N], scratch[N];
    static uint8_t index[N];
    static sl_clusters c;
    fill_normal(x);
    sl_cluster_fit(N, x, 16, true, SL_CLUSTER_DENSITY, 1, scratch, &c);
    sl_cluster_assign(&c, N, x, index);
    for (int i = 0; i < N; i++) {
        const float mine = fabsf(x[i] - c.center[index[i]]);
        for (uint32_t k = 0; k < c.n; k++) assert_true(mine <= fabsf(x[i] - c.center[k]) + 1e-6f);
    }
}

/* A price on bits buys less entropy with more distortion, and each number goes where distortion + price x bits is least. */
static void bits_have_a_price(void **state)
{
    (void)state;
    static float x[N], scratch[N];
    static uint8_t index[N];
    static size_t counts[SL_MAX_CLUSTERS];
    static sl_clusters c;
    fill_normal(x);
    double last_bits = INFINITY, last_d = 0;
    for (int k = 0; k < 4; k++) {
        const double price = 0.02 * k;
        sl_cluster_fit(N, x, 16, true, SL_CLUSTER_LINEAR, 1, scratch, &c);
        sl_cluster_improve(N, x, price, true, 100, &c);
        const double d = distortion(&c, x, counts), bits = sl_entropy_bits(SL_MAX_CLUSTERS, counts) / N;
        assert_true(d > last_d && bits < last_bits);
        last_d = d;
        last_bits = bits;
        sl_cluster_assign(&c, N, x, index);
        for (int i = 0; i < N; i++) {
            const double e = (double)x[i] - (double)c.center[index[i]], mine = e * e + price * (double)c.bits[index[i]];
            for (uint32_t j = 0; j < c.n; j++) {
                const double f = (double)x[i] - (double)c.center[j];
                assert_true(mine <= f * f + price * (double)c.bits[j] + 1e-5);
            }
        }
    }
    assert_true(last_bits < 2.7);
}

static void few_numbers_make_few_clusters(void **state)
{
    (void)state;
    const float x[] = {1, 1, -2, 1, -2};
    float scratch[5];
    sl_clusters c;
    for (int start = 0; start < SL_N_CLUSTER_STARTS; start++) {
        sl_cluster_fit(5, x, 16, false, (sl_cluster_start)start, 1, scratch, &c);
        assert_int_equal(c.n, 2);
        assert_true(c.center[0] == -2 && c.center[1] == 1);
    }
    sl_cluster_fit(0, x, 16, false, SL_CLUSTER_LINEAR, 1, scratch, &c);
    assert_int_equal(c.n, 0);
}

static void rounding_has_bounds(void **state)
{
    (void)state;
    static float x[N], y[N];
    fill_normal(x);
    sl_quantize_float16(N, x, y);
    for (int i = 0; i < N; i++) assert_true(fabsf(x[i] - y[i]) <= fmaxf(fabsf(x[i]) * 0x1p-11f, 0x1p-25f));
    sl_quantize_bfloat16(N, x, y);
    for (int i = 0; i < N; i++) {
        uint32_t bits;
        memcpy(&bits, y + i, sizeof bits);
        assert_int_equal(bits & 0xffff, 0);
        assert_true(fabsf(x[i] - y[i]) <= fabsf(x[i]) * 0x1p-8f);
    }
    for (uint32_t bits = 2; bits <= 8; bits++) {
        sl_quantize_rows(20, N / 20, bits, x, y);
        for (int r = 0; r < 20; r++) {
            float most = 0;
            for (int i = 0; i < N / 20; i++) most = fmaxf(most, fabsf(x[r * N / 20 + i]));
            float step = most / (float)((1u << (bits - 1)) - 1);
            sl_quantize_float16(1, &step, &step);
            for (int i = 0; i < N / 20; i++) {
                const float to = y[r * N / 20 + i] / step;
                assert_true(fabsf(x[r * N / 20 + i] - y[r * N / 20 + i]) <= 0.51f * step + most * 0x1p-11f);
                assert_true(fabsf(to - rintf(to)) < 1e-4f && fabsf(to) < (float)(1u << (bits - 1)));
            }
        }
    }
    const float zeros[4] = {0};
    sl_quantize_rows(2, 2, 4, zeros, y);
    assert_memory_equal(zeros, y, sizeof zeros);
}

/* ---- models ---- */

static sl_train_options recipe(const char *net, uint32_t epochs)
{
    sl_train_options o;
    sl_error err;
    assert_ok(sl_compress_recipe(net, &o, &err), &err);
    o.net.width = 16;
    o.net.heads = 4;
    o.net.hidden = 24;
    o.net.head[0] = strcmp(net, "mlp") == 0 ? 32 : 0;
    o.net.head[1] = strcmp(net, "mlp") == 0 ? 16 : 0;
    o.epochs = epochs;
    o.batch = 24;
    o.threads = 2;
    o.rate = 5e-3f;
    o.average = 0.9f;
    return o;
}

static sl_dataset *open_data(void)
{
    sl_error err;
    sl_dataset *data;
    make_data(in_folder("data"), &small);
    assert_ok(sl_dataset_open(in_folder("data"), &data, &err), &err);
    return data;
}

static sl_model *train_model(const sl_dataset *data, const char *net)
{
    const sl_train_options o = recipe(net, 40);
    sl_train_result result;
    sl_model *model;
    sl_error err;
    assert_ok(sl_train(data, &o, in_folder("large"), &result, &err), &err);
    assert_true(result.accuracy > 0.9);
    assert_ok(sl_model_open(in_folder("large"), &model, &err), &err);
    return model;
}

static sl_model *open_small(void)
{
    sl_model *model;
    sl_error err;
    assert_ok(sl_model_open(in_folder("small"), &model, &err), &err);
    return model;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Of a tensor that was opened: its size, how many different values, how many zeros. */
static void look(const sl_tensor *t, size_t *n, size_t *values, size_t *zeros)
{
    *n = 1;
    for (uint32_t i = 0; i < t->rank; i++) *n *= t->shape[i];
    assert_int_equal(t->storage, SL_STORAGE_FLOAT32);
    float *w = malloc(*n * sizeof *w);
    memcpy(w, t->data, *n * sizeof *w);
    qsort(w, *n, sizeof *w, ascending);
    *values = *zeros = 0;
    for (size_t i = 0; i < *n; i++) {
        *values += i == 0 || w[i] != w[i - 1];
        *zeros += w[i] == 0;
    }
    free(w);
}

static void weights_are_pruned_and_clustered(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    for (int k = 0; k < 3; k++) {
        sl_model *large = train_model(data, k == 0 ? "t2" : "mlp");
        const sl_train_options t = recipe("t2", 40);
        sl_compress_options o;
        sl_compress_result result;
        sl_compress_loss loss;
        sl_error err;
        sl_compress_defaults(&o);
        o.steps = SL_COMPRESS_PRUNE | SL_COMPRESS_CLUSTER;
        o.sparsity = 0.6f;
        o.clusters = 8;
        o.clusters_first = 12;
        o.clusters_vector = k == 1 ? 0 : 6;
        o.global = k != 2;
        o.again = 7;
        assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
        assert_true(result.trained);
        const double share = (double)result.n_zeros / (double)result.n_weights;
        assert_true(share >= 0.59 && share < 0.8);
        sl_model *model = open_small();
        bool first = true;
        for (size_t i = 0; i < model->parts.n_tensors; i++) {
            size_t n, values, zeros;
            const sl_tensor *tensor = &model->parts.tensors[i];
            look(tensor, &n, &values, &zeros);
            if (k == 0 && i == 2) continue; /* the table of positions */
            if (tensor->rank > 1) {
                assert_true(values <= (first ? 12 : 8));
                first = false;
                if (k == 2) assert_true(zeros >= (size_t)(0.6 * (double)n));
            } else if (o.clusters_vector > 0) {
                assert_true(values <= 6);
            }
        }
        const sl_scores_options draws = {.resamples = 100, .seed = 1};
        assert_ok(sl_compress_compare(large, model, data, &t, &draws, &loss, &err), &err);
        assert_true(loss.n > 20 && loss.agreement > 0.85);
        assert_true(loss.after < 0.5);
        assert_true(fabs(loss.after - loss.before - loss.difference.interval.value) < 1e-9);
        assert_true(loss.after == result.train.loss);
        sl_model_close(model);
        sl_model_close(large);
    }
    sl_dataset_close(data);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    sl_model *large = train_model(data, "mlp");
    unsigned char *bytes[2];
    size_t n[2];
    for (int k = 0; k < 2; k++) {
        sl_train_options t = recipe("mlp", 15);
        sl_compress_options o;
        sl_compress_result result;
        sl_error err;
        sl_compress_defaults(&o);
        o.again = 5;
        o.price = 0.01f;
        t.threads = k == 0 ? 1 : 3;
        assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
        assert_int_equal(result.bytes_before, large->n_bytes);
        bytes[k] = slurp(in_folder("small"), &n[k]);
        assert_int_equal(result.bytes_after, n[k]);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
    sl_model_close(large);
    sl_dataset_close(data);
}

/* The first value tells the class, the others are noise. */
static void input_values_that_tell_nothing_go(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    sl_model *large = train_model(data, "mlp");
    const sl_train_options t = recipe("mlp", 30);
    sl_compress_options o;
    sl_compress_result result;
    sl_error err;
    sl_compress_defaults(&o);
    o.steps = SL_COMPRESS_PRUNE;
    o.sparsity = 0.2f;
    o.features = 2;
    o.again = 7;
    assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
    assert_int_equal(result.features_before, 6);
    assert_int_equal(result.features_after, 2);
    sl_model *model = open_small();
    assert_int_equal(sl_contract_input_features(&model->parts.contract), 2);
    sl_compress_loss loss;
    const sl_scores_options draws = {.resamples = 100, .seed = 1};
    /* The data have all six: it takes those that it wants. */
    assert_ok(sl_compress_compare(large, model, data, &t, &draws, &loss, &err), &err);
    assert_true(loss.agreement > 0.85 && loss.after < 0.5);
    assert_true(loss.after == result.train.loss);
    sl_model_close(model);
    sl_model_close(large);
    sl_dataset_close(data);
}

static void a_student_is_taught(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    sl_model *large = train_model(data, "mlp");
    sl_train_options t = recipe("mlp", 40);
    t.net.head[0] = 8;
    sl_compress_options o;
    sl_compress_result result;
    sl_error err;
    sl_compress_defaults(&o);
    o.student = true;
    o.steps = 0;
    assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
    assert_true(result.n_parameters < large->network.n_parameters / 2);
    assert_true(result.train.accuracy > 0.85);

    /* From every object: the temperature is the parent's. */
    o.student = false;
    t.folds = 0;
    t.epochs = 3;
    assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
    o.steps = SL_COMPRESS_PRUNE;
    assert_ok(sl_compress(large, data, &o, &t, in_folder("small"), &result, &err), &err);
    sl_model *model = open_small();
    assert_true(model->parts.temperature == large->parts.temperature && model->parts.temperature != 1);
    sl_model_close(model);
    sl_model_close(large);
    sl_dataset_close(data);
}

static void without_data_the_weights_are_shaped(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    sl_model *large = train_model(data, "t2");
    sl_compress_options o;
    sl_compress_result result;
    sl_error err;
    sl_compress_defaults(&o);
    o.sparsity = 0.3f;
    assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    assert_false(result.trained);
    assert_true((double)result.n_zeros / (double)result.n_weights >= 0.29);
    sl_model *model = open_small();
    assert_true(model->parts.temperature == large->parts.temperature);
    size_t n, values, zeros;
    look(&model->parts.tensors[0], &n, &values, &zeros);
    assert_true(values <= 16);
    sl_model_close(model);

    /* Eight bits a row change hardly an answer. */
    o.steps = SL_COMPRESS_QUANTIZE;
    assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    model = open_small();
    sl_compress_loss loss;
    const sl_train_options t = recipe("t2", 1);
    const sl_scores_options draws = {.resamples = 100, .seed = 1};
    assert_ok(sl_compress_compare(large, model, data, &t, &draws, &loss, &err), &err);
    assert_true(loss.agreement > 0.97);
    assert_true(fabs(loss.difference.interval.value) < 0.02);
    assert_true(sl_compress_within(&loss, 0.2));
    sl_model_close(model);
    sl_model_close(large);
    sl_dataset_close(data);
}

/* Coding is without loss: what ran in another arithmetic does so still. */
static void coding_alone_keeps_the_arithmetic(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    sl_model *large = train_model(data, "t2");
    sl_compress_options o;
    sl_compress_result result;
    sl_error err;
    sl_compress_defaults(&o);
    o.steps = SL_COMPRESS_QUANTIZE;
    o.quantize = SL_QUANTIZE_BFLOAT16;
    assert_ok(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    sl_model_close(large);
    sl_model *rounded = open_small();
    const size_t before = result.bytes_after, n_weights = result.n_weights, n_parameters = result.n_parameters;
    assert_int_equal(rounded->parts.tensors[0].storage, SL_STORAGE_BFLOAT16);
    o.steps = SL_COMPRESS_CODE;
    assert_ok(sl_compress(rounded, NULL, &o, NULL, in_folder("small"), &result, &err), &err);
    sl_model *model = open_small();
    assert_true(result.bytes_after <= before);
    assert_int_equal(result.n_weights, n_weights);
    assert_int_equal(result.n_parameters, n_parameters);
    for (size_t i = 0; i < model->parts.n_tensors; i++) assert_int_equal(model->parts.tensors[i].storage, SL_STORAGE_BFLOAT16);
    sl_compress_loss loss;
    const sl_train_options t = recipe("t2", 1);
    const sl_scores_options draws = {.resamples = 100, .seed = 1};
    assert_ok(sl_compress_compare(rounded, model, data, &t, &draws, &loss, &err), &err);
    assert_true(loss.after == loss.before && loss.agreement == 1);
    sl_model_close(rounded);
    sl_model_close(model);
    sl_dataset_close(data);
}

static void a_worse_model_is_over_budget(void **state)
{
    (void)state;
    sl_compress_loss loss = {.before = 0.5, .after = 0.504, .difference.interval = {.value = 0.004, .low = 0.001, .high = 0.01}};
    assert_true(sl_compress_within(&loss, 0.01));
    loss.after = 0.506;
    assert_false(sl_compress_within(&loss, 0.01));
    loss.difference.interval.low = -0.001;
    assert_true(sl_compress_within(&loss, 0.01));
}

/* A network of fewer steps begins with the model's weights, and what it loses is told on the rows of both. */
static void a_shorter_grid_goes_on_with_the_weights(void **state)
{
    (void)state;
    const data_size size = {.objects = 120, .copies = 1, .steps = 16, .classes = 3, .peak = true};
    sl_dataset *data, *thin, *others;
    sl_error err;
    make_data(in_folder("data"), &size);
    assert_ok(sl_dataset_open(in_folder("data"), &data, &err), &err);
    assert_ok(sl_dataset_thin(data, 3, in_folder("thin"), &err), &err);
    assert_ok(sl_dataset_open(in_folder("thin"), &thin, &err), &err);
    sl_train_options t = recipe("t2", 1);
    sl_train_result trained;
    sl_model *large;
    assert_ok(sl_train(data, &t, in_folder("large"), &trained, &err), &err);
    assert_ok(sl_model_open(in_folder("large"), &large, &err), &err);
    sl_compress_options o;
    sl_compress_result result;
    sl_compress_loss loss;
    sl_compress_defaults(&o);
    o.steps = SL_COMPRESS_PRUNE;
    o.sparsity = 0;
    t.rate = 1e-9f;
    assert_int_equal(sl_compress(large, thin, &o, &t, in_folder("small"), &result, &err), SL_ERR_CONTRACT); /* who teaches? */
    float *soft = NULL;
    assert_ok(sl_compress_teach(large, data, &t, &soft, &err), &err);
    t.soft = soft;
    assert_ok(sl_compress(large, thin, &o, &t, in_folder("small"), &result, &err), &err);
    sl_model *model = open_small();
    assert_int_equal(sl_model_contract(model)->gp.grid_length, 6);
    assert_int_equal(model->parts.n_tensors, large->parts.n_tensors);
    for (size_t i = 0; i < large->parts.n_tensors; i++) {
        const float *a = large->parts.tensors[i].data, *b = model->parts.tensors[i].data;
        for (size_t k = 0; k < large->parts.tensors[i].n; k++) assert_true(fabsf(a[k] - b[k]) < 1e-5f);
    }
    const sl_scores_options draws = {.resamples = 50, .seed = 1};
    assert_int_equal(sl_compress_compare(large, model, data, &t, &draws, &loss, &err), SL_ERR_CONTRACT);
    assert_ok(sl_compress_compare_across(large, data, model, thin, &t, &draws, &loss, &err), &err);
    assert_true(loss.n > 10 && loss.after > 0 && loss.after == result.train.loss);
    others = open_data();
    assert_int_equal(sl_compress_compare_across(large, data, model, others, &t, &draws, &loss, &err), SL_ERR_CONTRACT);
    sl_dataset_close(others);
    sl_dataset_close(thin);
    sl_dataset_close(data);
    sl_model_close(model);
    sl_model_close(large);
    unlink(in_folder("thin"));
    free(soft);
}

static void options_have_bounds(void **state)
{
    (void)state;
    sl_dataset *data = open_data();
    sl_model *large = train_model(data, "mlp");
    sl_compress_options good, o;
    sl_compress_result result;
    sl_error err;
    sl_compress_defaults(&good);
    for (int k = 0; k < 9; k++) {
        o = good;
        if (k == 0) o.sparsity = 1;
        if (k == 1) o.sparsity = NAN;
        if (k == 2) o.clusters = 1;
        if (k == 3) o.clusters_vector = 257;
        if (k == 4) o.bits = 9;
        if (k == 5) o.steps = 16;
        if (k == 6) o.prune_from = 0.9f;
        if (k == 7) o.again = 0;
        if (k == 8) o.price = -1;
        assert_int_equal(sl_compress(large, NULL, &o, NULL, in_folder("small"), &result, &err), SL_ERR_INVAL);
    }
    good.student = true;
    assert_int_equal(sl_compress(large, NULL, &good, NULL, in_folder("small"), &result, &err), SL_ERR_INVAL);
    assert_int_equal(sl_compress_recipe("no such net", &(sl_train_options){0}, &err), SL_ERR_INVAL);
    sl_model_close(large);
    sl_dataset_close(data);
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "large", "small"};
    return remove_files(sizeof names / sizeof names[0], names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clusters_are_near_the_best),
        cmocka_unit_test(each_number_goes_to_the_nearest),
        cmocka_unit_test(bits_have_a_price),
        cmocka_unit_test(few_numbers_make_few_clusters),
        cmocka_unit_test(rounding_has_bounds),
        cmocka_unit_test(weights_are_pruned_and_clustered),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(input_values_that_tell_nothing_go),
        cmocka_unit_test(a_student_is_taught),
        cmocka_unit_test(without_data_the_weights_are_shaped),
        cmocka_unit_test(coding_alone_keeps_the_arithmetic),
        cmocka_unit_test(a_worse_model_is_over_budget),
        cmocka_unit_test(a_shorter_grid_goes_on_with_the_weights),
        cmocka_unit_test(options_have_bounds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
