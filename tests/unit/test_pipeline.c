/* Whole runs: in which order, with how many threads, into what, and that the books balance. */
#include <fcntl.h>

#include "night.h"
#include "starling/simulate.h"

/* ---- order and threads ---- */

static void simulate(const char *name, sl_simulate_form form, uint64_t n, double hostile)
{
    sl_simulate_options o;
    sl_error err;
    sl_simulate_defaults(&o);
    o.form = form;
    o.n_alerts = n;
    o.hostile_share = hostile;
    o.cutouts = form == SL_SIMULATE_CONTAINER;
    FILE *f = fopen(night_path(name), "wb");
    assert_ok(sl_simulate_write(&o, f, &err), &err);
    assert_int_equal(fclose(f), 0);
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    simulate("1.tar", SL_SIMULATE_TAR, 600, 0.3);
    simulate("2.avro", SL_SIMULATE_CONTAINER, 200, 0);
    FILE *csv = fopen(night_path("3.csv"), "w");
    fputs("object_id,mjd,band,flux,flux_err\n", csv);
    for (int i = 0; i < 500; i++) fprintf(csv, "o%d,1,g,%d,1\no%d,2.5,r,%s,1\n", i, i, i, i % 50 == 7 ? "x" : "9");
    fclose(csv);
    const char *paths[] = {night_folder};
    static const int threads[] = {1, 2, 3, 7};
    for (int format = SL_FORMAT_JSONL; format <= SL_FORMAT_AVRO; format++) {
        night_run first = {0};
        for (int i = 0; i < 4; i++) {
            night_run r = night_go((sl_run_options){.model = model, .paths = paths, .n_paths = 1,
                                                    .format = (sl_format)format, .threads = threads[i]});
            assert_ok(r.status, &r.err);
            if (i == 0) {
                first = r;
                assert_true(r.books.quarantined > 10 && r.books.refused > 10 && r.books.classified > 500);
                assert_int_equal(r.books.by_reason[SL_REASON_BAD_TABLE], 10);
                continue;
            }
            assert_int_equal(r.n, first.n);
            assert_memory_equal(r.text, first.text, r.n);
            assert_memory_equal(&r.books, &first.books, offsetof(sl_ledger, seconds));
            free(r.text);
        }
        if (format == SL_FORMAT_JSONL) assert_int_equal(night_lines(first.text), first.books.read);
        free(first.text);
    }
}

static void the_night_of_nothing_but_broken_packets_balances(void **state)
{
    (void)state;
    simulate("1.tar", SL_SIMULATE_TAR, 500, 1);
    night_run r = night_classify(model, night_folder, 2);
    assert_ok(r.status, &r.err);
    assert_true(r.books.quarantined > 50);
    assert_int_equal(night_lines(r.text), r.books.read);
    free(r.text);
}

typedef struct lines {
    FILE *out;
    sl_error err;
} lines;

static sl_status write_line(void *user, const sl_result *result)
{
    lines *l = user;
    sl_status status = SL_OK;
    for (size_t i = 0; i < result->n_records && status == SL_OK; i++) {
        status = sl_result_write_json(result, l->out, &l->err);
    }
    return status;
}

static sl_status classify_packet(const void *bytes, size_t n_bytes, lines *l)
{
    sl_classifier *classifier;
    sl_error err;
    assert_ok(sl_classifier_new(model, &classifier, &err), &err);
    const sl_status status = sl_classifier_bytes(classifier, bytes, n_bytes, write_line, l, &err);
    sl_classifier_free(classifier);
    return status;
}

static void results_written_one_by_one_are_the_lines_of_a_run(void **state)
{
    (void)state;
    simulate("1.avro", SL_SIMULATE_CONTAINER, 100, 0);
    size_t n_bytes, n_text;
    char *bytes = read_back("1.avro", &n_bytes), *text = NULL;
    n_bytes -= 30; /* the last record cannot be read, nor what lies behind it in its block */
    night_file("1.avro", bytes, n_bytes);
    night_run r = night_classify(model, night_path("1.avro"), 1);
    assert_ok(r.status, &r.err);
    assert_true(r.books.classified > 10 && r.books.quarantined > 0);
    lines l = {.out = open_memstream(&text, &n_text)};
    assert_ok(classify_packet(bytes, n_bytes, &l), &l.err);
    fclose(l.out);
    assert_int_equal(n_text, r.n);
    assert_memory_equal(text, r.text, n_text);
    l.out = fopen("/dev/full", "wb");
    setvbuf(l.out, NULL, _IONBF, 0);
    assert_int_equal(classify_packet(bytes, n_bytes, &l), SL_ERR_IO);
    assert_true(has(l.err.message, "No space left"));
    fclose(l.out);
    free(bytes);
    free(text);
    free(r.text);
}

/* ---- what cannot be written ---- */

static sl_status run_into(FILE *out, const char *quarantine, sl_ledger *books, sl_error *err)
{
    const char *paths[] = {night_folder};
    const sl_run_options o = {.model = model, .paths = paths, .n_paths = 1, .threads = 2, .out = out,
                              .quarantine_folder = quarantine};
    return sl_run(&o, books, err);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    simulate("1.tar", SL_SIMULATE_TAR, 300, 0);
    sl_ledger books;
    sl_error err;
    FILE *full = fopen("/dev/full", "wb");
    assert_non_null(full);
    assert_int_equal(run_into(full, NULL, &books, &err), SL_ERR_IO);
    assert_true(has(err.message, "No space left"));
    assert_false(books.out_closed);
    fclose(full);
}

static void a_reader_that_has_gone_is_told_and_kills_nobody(void **state)
{
    (void)state;
    simulate("1.tar", SL_SIMULATE_TAR, 300, 0);
    sl_ledger books;
    sl_error err;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    close(pipes[0]);
    FILE *out = fdopen(pipes[1], "wb");
    assert_int_equal(run_into(out, NULL, &books, &err), SL_ERR_IO);
    assert_true(has(err.message, "Broken pipe"));
    assert_true(books.out_closed);
    setvbuf(out, NULL, _IONBF, 0);
    close(pipes[1]);
    pipes[1] = open("/dev/null", O_WRONLY);
    fclose(out);
}

static void the_quarantine_keeps_the_bytes_and_the_reasons(void **state)
{
    (void)state;
    sl_avro_out tar = {0}, packet = {0};
    assert_int_equal(mkdir(night_path("in"), 0777), 0);
    night_container(&packet, 1, 1, 1, 10, SL_AVRO_NULL);
    night_tar_add(&tar, "n/good.avro", packet.bytes, packet.len);
    night_tar_add(&tar, "n/cut \"it\".avro", packet.bytes, packet.len - 30);
    night_tar_add(&tar, "empty", "", 0);
    night_tar_end(&tar);
    night_file("in/night.tar", tar.bytes, tar.len);
    const char *paths[] = {night_path("in")};
    night_run r = night_go((sl_run_options){.model = model, .paths = paths, .n_paths = 1, .threads = 2,
                                            .quarantine_folder = night_path("out")});
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.quarantined, 2);
    size_t n;
    char *kept = read_back("out/000001-cut__it_.avro.bin", &n);
    assert_int_equal(n, packet.len - 30);
    assert_memory_equal(kept, packet.bytes, n);
    free(kept);
    char *reasons = read_back("out/reasons.jsonl", &n);
    reasons[n] = '\0';
    assert_int_equal(night_lines(reasons), 2);
    assert_true(line_has(reasons, 0, "{\"file\": \"000001-cut__it_.avro.bin\", \"path\": \""));
    assert_true(line_has(reasons, 0, "night.tar\", \"entry\": \"n/cut \\\"it\\\".avro\", \"record\": 0, \"records\": 1, "));
    assert_true(line_has(reasons, 0, "\"reason\": \"truncated\", \"message\": \""));
    assert_true(line_has(reasons, 1, "{\"file\": null, "));
    assert_true(line_has(reasons, 1, "\"entry\": \"empty\", \"record\": 0, \"records\": 1, \"offset\": 0, \"reason\": \"empty\""));
    free(reasons);
    free(r.text);
    sl_avro_release(&tar);
    sl_avro_release(&packet);
}

static void a_quarantine_that_cannot_be_made_ends_the_run(void **state)
{
    (void)state;
    night_file("a", "x", 1);
    sl_ledger books;
    sl_error err;
    FILE *out = fopen("/dev/null", "wb");
    assert_int_equal(run_into(out, night_path("a/below"), &books, &err), SL_ERR_IO);
    assert_int_equal(run_into(out, "/dev/null", &books, &err), SL_ERR_IO);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_NIGHT(any_number_of_threads_gives_the_same_bytes),
        ON_A_NIGHT(the_night_of_nothing_but_broken_packets_balances),
        ON_A_NIGHT(results_written_one_by_one_are_the_lines_of_a_run),
        ON_A_NIGHT(a_full_disk_is_told),
        ON_A_NIGHT(a_reader_that_has_gone_is_told_and_kills_nobody),
        ON_A_NIGHT(the_quarantine_keeps_the_bytes_and_the_reasons),
        ON_A_NIGHT(a_quarantine_that_cannot_be_made_ends_the_run),
    };
    return cmocka_run_group_tests_name("pipeline", tests, make_model, close_model);
}
