/* A made-up night, read by the alert room: what one writes the other must read, and what is broken must be told. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simulate/ustar.h"
#include "starling/alert.h"
#include "starling/simulate.h"

/* What came of one packet. */
typedef struct outcome {
    char alert_id[32], object_id[32];
    size_t n_read, n_broken, n_points;
    bool current_is_sound; /* the current point has a finite value and a positive error */
} outcome;

static sl_status look_at(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err)
{
    outcome *o = user;
    if (status != SL_OK) {
        assert_true(sl_reason_is_quarantine(err->reason));
        o->n_broken++;
        return SL_OK;
    }
    o->n_read++;
    o->n_points = alert->n_points;
    snprintf(o->alert_id, sizeof o->alert_id, "%.*s", (int)alert->alert_id.len, alert->alert_id.ptr);
    snprintf(o->object_id, sizeof o->object_id, "%.*s", (int)alert->object_id.len, alert->object_id.ptr);
    for (size_t k = 0; k < alert->n_points; k++) {
        const sl_point *p = &alert->points[k];
        if (p->flags & SL_POINT_CURRENT) o->current_is_sound = isfinite(p->value) && p->error > 0;
    }
    return SL_OK;
}

/* One line of the truth, and the next. */
static const char *next_truth(const char *line, char id[32], char object[32], char fault[32])
{
    char kind[32];
    const char *next = strchr(line, '\n') + 1;
    assert_int_equal(sscanf(line, "%31[^,],%31[^,],%31[^,],%31[^\n]", id, object, kind, fault), 4);
    return next;
}

static sl_simulate_fate fate_of(const char *fault)
{
    for (int k = 0; k < SL_SIMULATE_N_FAULTS; k++) {
        if (strcmp(fault, sl_simulate_fault_name((sl_simulate_fault)k)) == 0) {
            return sl_simulate_fault_fate((sl_simulate_fault)k);
        }
    }
    fail_msg("no such fault: %s", fault);
    return SL_FATE_EITHER;
}

/* The schema of framed messages lies in a folder. */
static void load_schema(sl_alert_decoder *decoder)
{
    char folder[] = P_tmpdir "/starling-schemas-XXXXXX", path[sizeof folder + 16];
    const sl_str schema = sl_simulate_schema(SL_SIMULATE_LSST);
    sl_error err;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/alert.avsc", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(schema.ptr, 1, schema.len, file), schema.len);
    fclose(file);
    assert_ok(sl_alert_decoder_load_schemas(decoder, folder, &err), &err);
    unlink(path);
    rmdir(folder);
}

static void read_night(sl_simulate_survey survey, sl_simulate_form form)
{
    sl_simulate_options options;
    sl_simulate_defaults(&options);
    options.survey = survey;
    options.form = form;
    options.n_alerts = 1500;
    options.cutouts = false;
    options.hostile_share = 0.7;
    char *bytes = NULL, *truth = NULL;
    size_t n_bytes = 0, n_truth = 0;
    sl_error err;
    FILE *out = open_memstream(&bytes, &n_bytes), *truth_out = open_memstream(&truth, &n_truth);
    assert_ok(sl_simulate_write_truth(&options, out, truth_out, NULL, &err), &err);
    fclose(out);
    fclose(truth_out);

    sl_alert_decoder *decoder = NULL;
    assert_ok(sl_alert_decoder_new(&decoder, &err), &err);
    load_schema(decoder);
    const char *line = strchr(truth, '\n') + 1;
    size_t at = 0;
    for (bool first = form == SL_SIMULATE_FRAMED_TAR; bytes[at] != 0; first = false) {
        char id[32], object[32], fault[32];
        const size_t size = strtoul(bytes + at + 124, NULL, 8);
        outcome o = {0};
        const sl_status status = sl_alert_decode(decoder, bytes + at + 512, size, look_at, &o, &err);
        at += sl_ustar_size(size);
        assert_true(status == SL_OK || status == SL_ERR_FORMAT);
        if (first) {
            assert_int_equal(o.n_read + o.n_broken, 0); /* the schema's container holds no alert */
            continue;
        }
        line = next_truth(line, id, object, fault);
        const sl_simulate_fate fate = fate_of(fault);
        if (fate == SL_FATE_READ && (o.n_read != 1 || o.n_broken != 0)) fail_msg("%s was not read: %s", fault, err.message);
        if (fate == SL_FATE_QUARANTINED && (o.n_read != 0 || o.n_broken == 0)) fail_msg("%s passed as sound", fault);
        assert_true(o.n_read + o.n_broken > 0);
        if (fate == SL_FATE_READ) assert_string_equal(o.alert_id, id);
        if (fate == SL_FATE_READ && strcmp(fault, "nulls") != 0) assert_string_equal(o.object_id, object);
        if (strcmp(fault, "none") == 0) assert_true(o.current_is_sound && o.n_points >= 1);
    }
    assert_int_equal(*line, 0);
    sl_alert_decoder_free(decoder);
    free(bytes);
    free(truth);
}

static void a_ztf_night_is_read_or_told_broken(void **state)
{
    read_night(SL_SIMULATE_ZTF, SL_SIMULATE_TAR);
}

static void an_lsst_night_is_read_or_told_broken(void **state)
{
    read_night(SL_SIMULATE_LSST, SL_SIMULATE_TAR);
}

static void framed_messages_are_read_or_told_broken(void **state)
{
    read_night(SL_SIMULATE_LSST, SL_SIMULATE_FRAMED_TAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ztf_night_is_read_or_told_broken),
        cmocka_unit_test(an_lsst_night_is_read_or_told_broken),
        cmocka_unit_test(framed_messages_are_read_or_told_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
