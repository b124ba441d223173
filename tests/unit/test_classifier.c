/* A classifier and its batches: how alerts are put together changes no answer, and one spoils no other. */
#include <math.h>

#include "night.h"
#include "pipeline/classifier.h"

enum { MOST = 200, MAX_CLASSES = 16 };

/* A result that outlives its call. */
typedef struct kept {
    sl_result r;
    float p[MAX_CLASSES];
    char alert_id[32], object_id[32], detail[240];
} kept;

typedef struct log_of {
    kept all[MOST];
    size_t n, stop_after;
} log_of;

static void keep_text(char *to, size_t size, sl_str text)
{
    assert_true(text.len < size);
    if (text.len > 0) memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
}

static sl_status keep(void *user, const sl_result *result)
{
    log_of *l = user;
    assert_true(l->n < MOST);
    kept *k = &l->all[l->n++];
    memset(k, 0, sizeof *k);
    keep_text(k->alert_id, sizeof k->alert_id, result->alert_id);
    keep_text(k->object_id, sizeof k->object_id, result->object_id);
    if (result->detail != NULL) snprintf(k->detail, sizeof k->detail, "%s", result->detail);
    assert_true((result->p != NULL) == (result->outcome == SL_CLASSIFIED));
    assert_true((result->detail == NULL) == (result->outcome == SL_CLASSIFIED));
    if (result->p != NULL) memcpy(k->p, result->p, result->n_classes * sizeof *k->p);
    k->r = *result;
    return l->n == l->stop_after ? SL_DONE : SL_OK;
}

static void assert_same(const kept *a, const kept *b)
{
    assert_int_equal(a->r.outcome, b->r.outcome);
    assert_int_equal(a->r.reason, b->r.reason);
    assert_int_equal(a->r.best, b->r.best);
    assert_int_equal(a->r.n_records, b->r.n_records);
    assert_int_equal(a->r.n_points, b->r.n_points);
    assert_int_equal(a->r.bands, b->r.bands);
    assert_int_equal(a->r.alert_number, b->r.alert_number);
    assert_string_equal(a->alert_id, b->alert_id);
    assert_string_equal(a->object_id, b->object_id);
    assert_string_equal(a->detail, b->detail);
    assert_memory_equal(a->p, b->p, sizeof a->p);
    assert_true(a->r.novelty == b->r.novelty || (isnan(a->r.novelty) && isnan(b->r.novelty)));
    if (a->r.outcome == SL_CLASSIFIED) assert_memory_equal(&a->r.gp, &b->r.gp, sizeof a->r.gp);
}

static sl_classifier *new_classifier(const sl_model *of)
{
    sl_classifier *c;
    sl_error err;
    assert_ok(sl_classifier_new(of, &c, &err), &err);
    return c;
}

/* ---- alerts of any kind ---- */

enum { N_POINTS = 12 };

typedef struct made {
    sl_point points[N_POINTS];
    char id[16];
    sl_alert alert;
} made;

/* Number k: most are good, some have one band, no error bars or values beyond all bounds. */
static void make(made *m, int k)
{
    const int n = 3 + k % (N_POINTS - 2);
    for (int i = 0; i < n; i++) {
        m->points[i] = (sl_point){.time = 59000 + i * (1 + 0.01 * k),
                                  .value = 100 + 10 * sin(0.7 * i + k),
                                  .error = 1 + k % 3,
                                  .zero_point = 27.5,
                                  .limit_mag = NAN,
                                  .exposure_s = NAN,
                                  .band = i % 2 ? 'g' : 'r',
                                  .unit = SL_UNIT_FLUX};
        if (k % 7 == 3) m->points[i].error = 0;
        if (k % 11 == 5) m->points[i].value *= 1e30;
    }
    m->alert = (sl_alert){.n_points = (size_t)n, .points = m->points, .redshift = NAN, .redshift_error = NAN};
    m->alert.alert_number = k;
    m->alert.object_id = (sl_str){m->id, (size_t)snprintf(m->id, sizeof m->id, "object %d", k)};
}

/* Every thirteenth cannot be decoded. */
static void add(sl_classifier *c, int k)
{
    made m;
    sl_error err;
    if (k % 13 == 8) {
        assert_ok(sl_classifier_add_broken(c, SL_REASON_BAD_TABLE, 1, (sl_str){"x", 1}, "broken", &err), &err);
    } else {
        make(&m, k);
        assert_ok(sl_classifier_add(c, &m.alert, &err), &err);
        memset(&m, 0xff, sizeof m); /* everything was copied */
    }
}

static void batches_of(const sl_model *of, int size, log_of *l)
{
    sl_classifier *c = new_classifier(of);
    sl_error err;
    l->n = 0;
    for (int k = 0; k < MOST; k++) {
        add(c, k);
        if (k % size == size - 1 || sl_classifier_full(c)) assert_ok(sl_classifier_finish(c, keep, l, &err), &err);
    }
    assert_ok(sl_classifier_finish(c, keep, l, &err), &err);
    sl_classifier_free(c);
    assert_int_equal(l->n, MOST);
}

static void check_batches(const sl_model *of, size_t n_outcome[3])
{
    static log_of singly, batch;
    static const int sizes[] = {2, 3, 8, 17, 64, 1000};
    batches_of(of, 1, &singly);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        batches_of(of, sizes[i], &batch);
        for (int k = 0; k < MOST; k++) assert_same(&batch.all[k], &singly.all[k]);
    }
    for (int k = 0; k < MOST; k++) n_outcome[singly.all[k].r.outcome]++;
    /* and by the public way */
    sl_classifier *c = new_classifier(of);
    for (int k = 0; k < MOST; k++) {
        made m;
        sl_result result;
        sl_error err;
        if (k % 13 == 8) continue;
        make(&m, k);
        batch.n = 0;
        assert_ok(sl_classifier_alert(c, &m.alert, &result, &err), &err);
        assert_int_equal(keep(&batch, &result), SL_OK);
        assert_same(&batch.all[0], &singly.all[k]);
    }
    sl_classifier_free(c);
}

static void batches_of_any_size_give_the_same(void **state)
{
    (void)state;
    size_t n[3] = {0};
    check_batches(model, n);
    assert_int_equal(n[SL_QUARANTINED], 15);
    assert_in_range(n[SL_REFUSED], 25, 30);
}

/* Told beside each answer, and nowhere else; all answers are as they were. */
static void novelty_stands_beside_each_answer(void **state)
{
    (void)state;
    static log_of plain, novel;
    static const float directions[] = {1, 0, 0, 1, 1, 0, 0, 1}, zeros[2 * 14] = {0}, quantiles[] = {0, 1e3f};
    const sl_novelty novelty = {.kind = SL_NOVELTY_NEAREST, .width = 4, .rank = 2, .known = 1, .directions = directions,
                                .origin = zeros, .pull = zeros, .centers = zeros, .n_quantiles = 2, .quantiles = quantiles};
    void *bytes;
    size_t n_bytes, between = 0, n[3] = {0};
    sl_model *of;
    sl_error err;
    assert_ok(sl_model_recalibrate(model, 1, &novelty, &bytes, &n_bytes, &err), &err);
    assert_ok(sl_model_open_memory(bytes, n_bytes, &of, &err), &err);
    check_batches(of, n);
    batches_of(model, 64, &plain);
    batches_of(of, 64, &novel);
    for (int k = 0; k < MOST; k++) {
        const float x = novel.all[k].r.novelty;
        assert_true(isnan(plain.all[k].r.novelty));
        assert_int_equal(isnan(x), novel.all[k].r.outcome != SL_CLASSIFIED);
        assert_memory_equal(novel.all[k].p, plain.all[k].p, sizeof plain.all[k].p);
        between += x > 0 && x < 1;
    }
    assert_true(between > 100);
    sl_model_close(of);
    free(bytes);
}

/* With weights so large that some answers are no numbers. */
static void an_answer_that_is_not_finite_spoils_no_other(void **state)
{
    (void)state;
    sl_contract contract;
    sl_model *wild;
    void *bytes;
    sl_error err;
    assert_ok(sl_contract_preset("starling", &contract, &err), &err);
    contract.scaling = SL_SCALING_NONE;
    assert_ok(tiny_model_of(&contract, 1e10f, &bytes, &wild, &err), &err);
    size_t calm[3] = {0}, n[3] = {0};
    check_batches(model, calm);
    check_batches(wild, n);
    assert_true(n[SL_REFUSED] >= calm[SL_REFUSED] + 10 && n[SL_CLASSIFIED] > 100);
    sl_model_close(wild);
    free(bytes);
}

/* ---- from bytes ---- */

static void records_behind_each_other_give_what_they_give_alone(void **state)
{
    (void)state;
    static log_of together, alone;
    sl_avro_out all = {0}, one = {0};
    sl_error err;
    sl_classifier *c = new_classifier(model);
    night_container(&all, 7, 150, 20, 10, SL_AVRO_NULL);
    together.n = alone.n = 0;
    assert_ok(sl_classifier_bytes(c, all.bytes, all.len - 3, keep, &together, &err), &err);
    assert_int_equal(together.n, 141);
    assert_int_equal(together.all[140].r.n_records, 10); /* the cut block, told behind the others */
    for (int i = 0; i < 140; i++) {
        sl_avro_out record = {0};
        sl_avro_reset(&one);
        assert_ok(sl_avro_put_header(&one, night_schema, strlen(night_schema), SL_AVRO_NULL, night_sync, &err), &err);
        night_record(&record, 7 + i, i % 5 == 4 ? 1 : 4, 10);
        assert_ok(sl_avro_put_container_block(&one, SL_AVRO_NULL, night_sync, 1, record.bytes, record.len, &err), &err);
        assert_ok(sl_classifier_bytes(c, one.bytes, one.len, keep, &alone, &err), &err);
        sl_avro_release(&record);
    }
    for (int i = 0; i < 140; i++) assert_same(&together.all[i], &alone.all[i]);
    sl_classifier_free(c);
    sl_avro_release(&all);
    sl_avro_release(&one);
}

static void who_has_heard_enough_is_told_no_more(void **state)
{
    (void)state;
    static log_of l, again;
    sl_avro_out all = {0};
    sl_error err;
    sl_classifier *c = new_classifier(model);
    night_container(&all, 7, 150, 20, 10, SL_AVRO_NULL);
    static const size_t places[] = {1, 5, 64, 65, 149, 150};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        l.n = again.n = 0;
        l.stop_after = places[i];
        assert_int_equal(sl_classifier_bytes(c, all.bytes, all.len, keep, &l, &err), SL_DONE);
        assert_int_equal(l.n, places[i]);
        /* nothing is left of it */
        assert_ok(sl_classifier_bytes(c, all.bytes, all.len, keep, &again, &err), &err);
        assert_int_equal(again.n, 150);
        assert_same(&again.all[0], &l.all[0]);
    }
    sl_classifier_free(c);
    sl_avro_release(&all);
}

static void a_batch_of_long_names_is_full_sooner(void **state)
{
    (void)state;
    sl_classifier *c = new_classifier(model);
    char *name = calloc(1, 600000);
    memset(name, 'x', 600000);
    made m;
    sl_error err;
    make(&m, 0);
    m.alert.object_id = (sl_str){name, 600000};
    assert_ok(sl_classifier_add(c, &m.alert, &err), &err);
    assert_false(sl_classifier_full(c));
    assert_ok(sl_classifier_add(c, &m.alert, &err), &err);
    assert_true(sl_classifier_full(c));
    assert_int_equal(sl_classifier_add(c, &m.alert, &err), SL_ERR_INVAL);
    assert_false(sl_classifier_full(c)); /* a failure empties it */
    sl_result result;
    assert_ok(sl_classifier_alert(c, &m.alert, &result, &err), &err);
    assert_memory_equal(result.object_id.ptr, name, 600000);
    free(name);
    sl_classifier_free(c);
}

/* ---- several models ---- */

typedef struct set_of {
    sl_contract contracts[3];
    sl_model *models[3];
    void *bytes[3];
} set_of;

enum { TWO_BANDS, SIX_BANDS, SIX_BANDS_Z };

/* The third wants a redshift: as an extra channel, or for a feature. */
static void make_set(set_of *s, bool for_feature)
{
    static const sl_band six[] = {{"u", 3685}, {"g", 4802}, {"r", 6231}, {"i", 7542}, {"z", 8690}, {"y", 9736}};
    for (int i = 0; i < 3; i++) {
        sl_contract *c = &s->contracts[i];
        sl_error err;
        assert_ok(sl_contract_preset("starling", c, &err), &err);
        if (i != TWO_BANDS) {
            memcpy(c->bands, six, sizeof six);
            c->n_bands = c->n_channels = 6;
        }
        if (i == SIX_BANDS_Z && for_feature) {
            c->n_features = 1;
            c->features[0] = SL_FEATURE_LOG_LUMINOSITY;
            c->feature_knots = SL_MIN_KNOTS;
        } else if (i == SIX_BANDS_Z) {
            c->n_extras = 1;
            c->extras[0] = SL_EXTRA_REDSHIFT;
            c->extra_mode = SL_EXTRAS_AS_CHANNELS;
        }
        assert_ok(tiny_model_of(c, 1, &s->bytes[i], &s->models[i], &err), &err);
    }
}

static void free_set(set_of *s)
{
    for (int i = 0; i < 3; i++) {
        sl_model_close(s->models[i]);
        free(s->bytes[i]);
    }
}

/* Six of them one after another: what survey, which bands, with a redshift or not, and who should answer. */
static const struct {
    sl_survey survey;
    const char *bands;
    float redshift;
    int answers;
} visitors[] = {
    {SL_SURVEY_ZTF, "gr", NAN, TWO_BANDS},         {SL_SURVEY_ZTF, "gri", 0.5f, TWO_BANDS},
    {SL_SURVEY_LSST, "gr", NAN, SIX_BANDS},        {SL_SURVEY_ELASTICC, "rz", 0.5f, SIX_BANDS_Z},
    {SL_SURVEY_NONE, "gr", NAN, TWO_BANDS},        {SL_SURVEY_NONE, "griz", NAN, SIX_BANDS},
    {SL_SURVEY_NONE, "ugrizy", 0.1f, SIX_BANDS_Z}, {SL_SURVEY_NONE, "", NAN, TWO_BANDS},
};
enum { N_VISITORS = sizeof visitors / sizeof visitors[0] };

static void visit(made *m, int i)
{
    make(m, 9);
    m->alert.survey = visitors[i].survey;
    m->alert.redshift = visitors[i].redshift;
    const size_t n = strlen(visitors[i].bands);
    if (n == 0) m->alert.n_points = 0;
    for (size_t k = 0; n > 0 && k < m->alert.n_points; k++) m->points[k].band = visitors[i].bands[k % n];
}

static void check_set(bool for_feature)
{
    static set_of s;
    static log_of together, alone;
    make_set(&s, for_feature);
    sl_classifier *set, *single[3];
    sl_error err;
    assert_ok(sl_classifier_new_set((const sl_model *const *)s.models, 3, &set, &err), &err);
    for (int i = 0; i < 3; i++) single[i] = new_classifier(s.models[i]);
    together.n = alone.n = 0;
    for (int i = 0; i < N_VISITORS; i++) {
        made m;
        visit(&m, i);
        assert_ok(sl_classifier_add(set, &m.alert, &err), &err);
        assert_ok(sl_classifier_add(single[visitors[i].answers], &m.alert, &err), &err);
        assert_ok(sl_classifier_finish(single[visitors[i].answers], keep, &alone, &err), &err);
    }
    assert_ok(sl_classifier_finish(set, keep, &together, &err), &err);
    assert_int_equal(together.n, N_VISITORS);
    for (int i = 0; i < N_VISITORS; i++) {
        assert_ptr_equal(together.all[i].r.model, s.models[visitors[i].answers]);
        assert_same(&together.all[i], &alone.all[i]);
        assert_int_equal(together.all[i].r.outcome, i < N_VISITORS - 1 ? SL_CLASSIFIED : SL_REFUSED);
    }
    sl_classifier_free(set);
    for (int i = 0; i < 3; i++) sl_classifier_free(single[i]);
    free_set(&s);
}

static void each_alert_of_a_set_goes_to_the_model_that_suits_it(void **state)
{
    (void)state;
    check_set(false);
    check_set(true);
}

static void models_with_other_classes_are_no_set(void **state)
{
    (void)state;
    sl_contract other;
    sl_model *odd;
    void *bytes;
    sl_error err;
    assert_ok(sl_contract_preset("starling", &other, &err), &err);
    strcpy(other.classes[3].name, "something else");
    assert_ok(tiny_model_of(&other, 1, &bytes, &odd, &err), &err);
    sl_classifier *c = NULL;
    const sl_model *both[] = {model, odd, NULL};
    assert_int_equal(sl_classifier_new_set(both, 2, &c, &err), SL_ERR_INVAL);
    assert_non_null(strstr(err.message, "other classes"));
    assert_int_equal(sl_classifier_new_set(both, 0, &c, &err), SL_ERR_INVAL);
    assert_int_equal(sl_classifier_new_set(both, 3, &c, &err), SL_ERR_INVAL);
    sl_model_close(odd);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_of_any_size_give_the_same),
        cmocka_unit_test(novelty_stands_beside_each_answer),
        cmocka_unit_test(an_answer_that_is_not_finite_spoils_no_other),
        cmocka_unit_test(records_behind_each_other_give_what_they_give_alone),
        cmocka_unit_test(who_has_heard_enough_is_told_no_more),
        cmocka_unit_test(a_batch_of_long_names_is_full_sooner),
        cmocka_unit_test(each_alert_of_a_set_goes_to_the_model_that_suits_it),
        cmocka_unit_test(models_with_other_classes_are_no_set),
    };
    return cmocka_run_group_tests_name("classifier", tests, make_model, close_model);
}
