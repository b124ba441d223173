/* Looking at inputs without a model: what is told of each record, and that one may stop anywhere. */
#include <signal.h>
#include <sys/wait.h>

#include "fits_make.h"
#include "night.h"

/* What fn was told, a line an item; or where to stop, and with what. */
typedef struct told {
    char text[8192];
    size_t n, n_records, stop_after;
    sl_status stop_with;
} told;

static void put(told *t, const char *text)
{
    const size_t have = strlen(t->text);
    snprintf(t->text + have, sizeof t->text - have, "%s", text);
}

/* "name[/entry] input codec schema #record" and " alert VERSION?object" or " xN reason". */
static sl_status on_item(void *user, const sl_read_item *item)
{
    told *t = user;
    char line[512], id[24] = "-";
    const char *name = strrchr(item->path, '/');
    if (item->schema_id >= 0) snprintf(id, sizeof id, "%lld", (long long)item->schema_id);
    snprintf(line, sizeof line, "%s%s%s|%s|%s|%s|#%d|", name != NULL ? name + 1 : item->path,
             item->entry != NULL ? ":" : "", item->entry != NULL ? item->entry : "", sl_input_name(item->input),
             item->codec != NULL ? item->codec : "-", item->schema_name != NULL ? item->schema_name : id,
             (int)item->record);
    put(t, line);
    snprintf(line, sizeof line, "%.*s %s", (int)item->object_id.len, item->object_id.ptr,
             item->alert != NULL ? "alert" : sl_reason_name(item->reason));
    put(t, line);
    if (item->n_records > 1) {
        snprintf(line, sizeof line, " x%zu", item->n_records);
        put(t, line);
    }
    put(t, "\n");
    assert_true((item->alert == NULL) == (item->message != NULL));
    assert_true((item->alert == NULL) == (item->reason != SL_REASON_NONE));
    assert_true(item->alert == NULL || item->n_records == 1);
    t->n++;
    t->n_records += item->n_records;
    return t->n == t->stop_after ? t->stop_with : SL_OK;
}

/* Does not keep the text, of which there is too much. */
static sl_status count_item(void *user, const sl_read_item *item)
{
    told *t = user;
    t->n++;
    t->n_records += item->n_records;
    return t->n == t->stop_after ? t->stop_with : SL_OK;
}

static sl_status look(const char *path, sl_read_fn fn, told *t, sl_error *err)
{
    const char *paths[] = {path};
    return sl_alerts_read(paths, 1, NULL, fn, t, err);
}

static void make_all_kinds(void)
{
    fits_file fits;
    sl_avro_out packet = {0}, tar = {0};
    make_phot(&fits, "COMMENT");
    night_file("3_PHOT.FITS", fits.bytes, fits.n);
    make_head(&fits);
    night_file("3_HEAD.FITS", fits.bytes, fits.n);
    night_container(&packet, 1, 2, 1, 10, SL_AVRO_DEFLATE);
    night_tar_add(&tar, "n/a", packet.bytes, packet.len);
    night_file("1.avro", packet.bytes, packet.len);
    sl_avro_reset(&packet);
    night_container(&packet, 3, 1, 1, 10, SL_AVRO_NULL);
    night_tar_add(&tar, "n/b", packet.bytes, packet.len);
    night_tar_end(&tar);
    night_file("4.tar", tar.bytes, tar.len);
    static const char csv[] = "object_id,mjd,band,flux,flux_err\nx,1,g,5,1\ny,2,r,6,oh\n";
    night_file("2.csv", csv, sizeof csv - 1);
    night_file("5", "\0\0\0\2\xbc____", 9);
    night_file("6", "", 0);
    night_file("7", "what is this?", 13);
    night_file("8.gz", "\x1f\x8b\x08 no gzip at all", 19);
    assert_int_equal(symlink("nowhere", night_path("9")), 0);
    sl_avro_release(&tar);
    sl_avro_release(&packet);
}

static void every_kind_of_input_is_told_by_its_name(void **state)
{
    (void)state;
    make_all_kinds();
    told t = {0};
    sl_error err;
    assert_ok(look(night_folder, on_item, &t, &err), &err);
    assert_string_equal(t.text, "1.avro|Avro container|deflate|ztf.alert|#0|ZTF000001 alert\n"
                                "1.avro|Avro container|deflate|ztf.alert|#1|ZTF000002 alert\n"
                                "2.csv|CSV|-|-|#0|x alert\n"
                                "2.csv|CSV|-|-|#1|y bad_table\n"
                                "3_HEAD.FITS|SNANA FITS|-|-|#0|123 alert\n"
                                "3_HEAD.FITS|SNANA FITS|-|-|#1|456 alert\n"
                                "4.tar:n/a|Avro container|deflate|ztf.alert|#0|ZTF000001 alert\n"
                                "4.tar:n/a|Avro container|deflate|ztf.alert|#1|ZTF000002 alert\n"
                                "4.tar:n/b|Avro container|null|ztf.alert|#0|ZTF000003 alert\n"
                                "5|framed message|-|700|#0| unknown_schema\n"
                                "6|empty|-|-|#0| empty\n"
                                "7|unknown|-|-|#0| unknown_format\n"
                                "8.gz|archive|-|-|#0| bad_archive\n"
                                "9|unknown|-|-|#0| unreadable\n");
}

static void a_schema_that_is_no_alerts_has_a_name_all_the_same(void **state)
{
    (void)state;
    sl_avro_out packet = {0};
    sl_error err;
    static const char other[] = "{\"type\":\"record\",\"name\":\"a.b\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}";
    assert_ok(sl_avro_put_header(&packet, other, sizeof other - 1, SL_AVRO_NULL, night_sync, &err), &err);
    assert_ok(sl_avro_put_container_block(&packet, SL_AVRO_NULL, night_sync, 2, "\2\4", 2, &err), &err);
    night_file("a", packet.bytes, packet.len);
    told t = {0};
    assert_ok(look(night_path("a"), on_item, &t, &err), &err);
    assert_string_equal(t.text, "a|Avro container|null|a.b|#0| not_an_alert x2\n");
    sl_avro_release(&packet);
}

static void what_is_broken_is_told_with_how_much_it_stands_for(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    night_container(&all, 0, 20, 10, 200, SL_AVRO_NULL);
    night_file("a", all.bytes, all.len - 100); /* in the second of two blocks */
    told t = {0};
    sl_error err;
    assert_ok(look(night_path("a"), on_item, &t, &err), &err);
    assert_int_equal(t.n, 11);
    assert_int_equal(t.n_records, 20);
    assert_true(line_has(t.text, 10, "a|Avro container|null|ztf.alert|#10| truncated x10"));
    sl_avro_release(&all);
}

/* Far more than the line holds, so that the reader waits when it is over. */
static void one_may_stop_at_any_record(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    night_container(&all, 0, 3000, 10, 5000, SL_AVRO_NULL);
    assert_true(all.len > 12 << 20);
    night_file("a", all.bytes, all.len);
    sl_error err;
    told t = {.stop_after = SIZE_MAX};
    assert_ok(look(night_path("a"), count_item, &t, &err), &err);
    assert_int_equal(t.n, 3000);
    static const size_t places[] = {1, 2, 64, 2999, 3000};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        t = (told){.stop_after = places[i], .stop_with = SL_DONE};
        assert_ok(look(night_path("a"), count_item, &t, &err), &err);
        assert_int_equal(t.n, places[i]);
        t = (told){.stop_after = places[i], .stop_with = SL_ERR_NUMERIC};
        assert_int_equal(look(night_path("a"), count_item, &t, &err), SL_ERR_NUMERIC);
        assert_int_equal(t.n, places[i]);
        assert_int_equal(err.status, SL_ERR_NUMERIC);
    }
    sl_avro_release(&all);
}

static void a_pipe_that_gives_nothing_more_is_no_reason_to_wait(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    night_container(&all, 0, 2000, 10, 5000, SL_AVRO_NULL);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (write(pipes[1], all.bytes, all.len) == (ssize_t)all.len) pause();
        _exit(1);
    }
    close(pipes[1]);
    const int before = dup(STDIN_FILENO);
    dup2(pipes[0], STDIN_FILENO);
    told t = {.stop_after = 5, .stop_with = SL_DONE};
    sl_error err;
    assert_ok(look("-", count_item, &t, &err), &err);
    assert_int_equal(t.n, 5);
    dup2(before, STDIN_FILENO);
    close(before);
    close(pipes[0]);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    sl_avro_release(&all);
}

static void a_path_or_schema_folder_that_is_not_there_is_told_before_anything_is_read(void **state)
{
    (void)state;
    night_file("a", "x", 1);
    const char *paths[] = {night_path("a"), "/nowhere/at/all"};
    told t = {0};
    sl_error err;
    assert_int_equal(sl_alerts_read(paths, 2, NULL, on_item, &t, &err), SL_ERR_IO);
    assert_true(has(err.message, "/nowhere/at/all"));
    assert_int_equal(sl_alerts_read(paths, 1, "/no/schemas", on_item, &t, &err), SL_ERR_IO);
    assert_true(has(err.message, "/no/schemas"));
    assert_int_equal(symlink("nowhere", night_path("gone.avsc")), 0);
    assert_int_equal(sl_alerts_read(paths, 1, night_folder, on_item, &t, &err), SL_ERR_IO);
    const char *name = strstr(err.message, "gone.avsc");
    assert_true(name != NULL && !has(name + 1, "gone.avsc"));
    assert_int_equal(t.n, 0);
    assert_int_equal(sl_alerts_read(paths, 1, NULL, NULL, &t, &err), SL_ERR_INVAL);
    assert_ok(sl_alerts_read(NULL, 0, NULL, on_item, &t, &err), &err);
    assert_int_equal(t.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_NIGHT(every_kind_of_input_is_told_by_its_name),
        ON_A_NIGHT(a_schema_that_is_no_alerts_has_a_name_all_the_same),
        ON_A_NIGHT(what_is_broken_is_told_with_how_much_it_stands_for),
        ON_A_NIGHT(one_may_stop_at_any_record),
        ON_A_NIGHT(a_pipe_that_gives_nothing_more_is_no_reason_to_wait),
        ON_A_NIGHT(a_path_or_schema_folder_that_is_not_there_is_told_before_anything_is_read),
    };
    return cmocka_run_group_tests_name("read", tests, NULL, NULL);
}
