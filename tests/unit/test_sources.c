/* What is read: files, folders, archives, large containers, framed messages. */
#include <zlib.h>

#include "night.h"
#include "starling/simulate.h"

static void a_folder_is_read_in_the_order_of_its_names(void **state)
{
    (void)state;
    sl_avro_out packet = {0};
    static const char *const names[] = {"b.avro", "a", "c/x.txt", "c.avro"};
    assert_int_equal(mkdir(night_path("c"), 0777), 0);
    for (int i = 0; i < 4; i++) {
        sl_avro_reset(&packet);
        night_container(&packet, 100 + i, 1, 1, 10, SL_AVRO_NULL);
        night_file(names[i], packet.bytes, packet.len);
    }
    night_file(".hidden", "x", 1);
    night_run r = night_classify(model, night_folder, 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 4);
    assert_int_equal(r.books.classified, 4);
    static const char *const order[] = {"\"101\"", "\"100\"", "\"102\"", "\"103\""}; /* a b.avro c/ c.avro */
    for (size_t i = 0; i < 4; i++) assert_true(line_has(r.text, i, order[i]));
    assert_int_equal(night_lines(r.text), 4);
    free(r.text);
    sl_avro_release(&packet);
}

static void what_a_thing_is_its_bytes_say_and_not_its_name(void **state)
{
    (void)state;
    night_file("1.fits", "Obj\1", 4);
    night_file("2.avro", "", 0);
    night_file("3.csv", "\x89PNG\r\n\x1a\n and so on", 18);
    night_file("4.avro", "object_id,mjd,band,flux,flux_err\nx,1,g,5,1\nx,2,r,6,1\n", 53);
    night_file("5", "a,b\n1,2\n", 8);
    night_file("6", "SIMPLE  =                    T", 30);
    night_file("7", "\0\0\0\2\xbc____", 9);
    night_run r = night_classify(model, night_folder, 2);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 7);
    assert_true(line_has(r.text, 0, "\"truncated\""));
    assert_true(line_has(r.text, 1, "\"empty\""));
    assert_true(line_has(r.text, 2, "\"unknown_format\""));
    assert_true(line_has(r.text, 3, "\"object_id\": \"x\", \"class\": \""));
    assert_true(line_has(r.text, 3, "{\"alert_id\": null"));
    assert_true(line_has(r.text, 4, "\"bad_table\""));
    assert_true(line_has(r.text, 5, "\"bad_table\""));
    assert_true(line_has(r.text, 6, "\"unknown_schema\""));
    free(r.text);
}

static void write_gz(const char *name, const void *bytes, size_t n, int times)
{
    for (int i = 0; i < times; i++) { /* members of a gzip file may follow each other */
        gzFile gz = gzopen(night_path(name), i == 0 ? "wb9" : "ab9");
        assert_non_null(gz);
        assert_int_equal(gzwrite(gz, bytes, (unsigned)n), n);
        assert_int_equal(gzclose(gz), Z_OK);
    }
}

/* Three containers in a tar; ids from `first`. */
static void make_tar(sl_avro_out *tar, int64_t first)
{
    sl_avro_out packet = {0};
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "night/%d.avro", i);
        sl_avro_reset(&packet);
        night_container(&packet, first + i, 1, 1, 5000, SL_AVRO_NULL);
        night_tar_add(tar, name, packet.bytes, packet.len);
    }
    night_tar_end(tar);
    sl_avro_release(&packet);
}

static void archives_are_read_two_deep_and_no_deeper(void **state)
{
    (void)state;
    sl_avro_out tar = {0}, outer = {0}, outermost = {0};
    make_tar(&tar, 10);
    night_file("1.tar", tar.bytes, tar.len);
    write_gz("2.tar.gz", tar.bytes, tar.len, 1);
    size_t n;
    void *gz = read_back("2.tar.gz", &n);
    night_tar_add(&outer, "in/2.tar.gz", gz, n);
    night_tar_end(&outer);
    free(gz);
    night_file("3.tar", outer.bytes, outer.len);
    night_tar_add(&outermost, "3.tar", outer.bytes, outer.len);
    night_tar_end(&outermost);
    night_file("4.tar", outermost.bytes, outermost.len);
    night_run r = night_classify(model, night_folder, 3);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.classified, 9);
    assert_int_equal(r.books.by_reason[SL_REASON_BAD_ARCHIVE], 1);
    assert_int_equal(r.books.read, 10);
    assert_true(line_has(r.text, 0, "\"10\"") && line_has(r.text, 8, "\"12\""));
    free(r.text);
    sl_avro_release(&tar);
    sl_avro_release(&outer);
    sl_avro_release(&outermost);
}

static void archives_behind_each_other_in_a_file_are_all_read(void **state)
{
    (void)state;
    sl_avro_out tar = {0};
    make_tar(&tar, 10);
    make_tar(&tar, 20);
    night_file("a.tar", tar.bytes, tar.len);
    write_gz("b.tar.gz", tar.bytes, tar.len, 2);
    night_run r = night_classify(model, night_folder, 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.classified, 6 + 12);
    assert_int_equal(r.books.read, 6 + 12);
    free(r.text);
    sl_avro_release(&tar);
}

static void what_is_wrong_with_gzip_is_told_behind_what_came_out_of_it(void **state)
{
    (void)state;
    sl_avro_out tar = {0};
    make_tar(&tar, 10);
    write_gz("a", tar.bytes, tar.len, 1);
    size_t n;
    unsigned char *gz = read_back("a", &n);
    memcpy(gz + n, "garbage", 7);
    night_file("b-garbage-behind", gz, n + 7);
    night_file("c-cut-in-the-sum", gz, n - 6);
    gz[n - 7] ^= 1;
    night_file("d-wrong-sum", gz, n);
    gz[n - 7] ^= 1;
    gz[n - 1] ^= 1;
    night_file("e-wrong-length", gz, n);
    free(gz);
    night_run r = night_classify(model, night_folder, 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.classified, 5 * 3);
    assert_int_equal(r.books.by_reason[SL_REASON_BAD_ARCHIVE], 3);
    assert_int_equal(r.books.quarantined, 3);
    assert_true(line_has(r.text, 5, "\"12\"") && line_has(r.text, 9, "\"bad_archive\"") && line_has(r.text, 13, "\"bad_archive\""));
    free(r.text);
    sl_avro_release(&tar);
}

/* Around all bounds of the reading: most of an entry is read past libarchive, some of it is not. */
static void entries_of_any_size_come_out_of_a_tar_as_from_a_folder(void **state)
{
    (void)state;
    static const size_t stamps[] = {10, 14000, 15200, 15300, 30000, 60000, 64000, 65000, 65536, 3000,
                                    131072, 5, 1040000, 1048576, 1100000, 2500000, 20000, 20001};
    sl_avro_out tar = {0}, outer = {0}, packet = {0};
    assert_int_equal(mkdir(night_path("folder"), 0777), 0);
    for (int i = 0; i < (int)(sizeof stamps / sizeof stamps[0]); i++) {
        char name[64];
        sl_avro_reset(&packet);
        night_container(&packet, 100 + i, 1, 1, stamps[i], SL_AVRO_NULL);
        if (i == 13) memset(packet.bytes, 'x', packet.len); /* what nobody reads to its end */
        snprintf(name, sizeof name, "folder/%02d", i);
        night_file(name, packet.bytes, packet.len);
        night_tar_add(&tar, name, packet.bytes, packet.len);
    }
    night_tar_end(&tar);
    night_tar_add(&outer, "tar", tar.bytes, tar.len);
    night_tar_end(&outer);
    night_file("a.tar", tar.bytes, tar.len);
    night_file("b.tar", outer.bytes, outer.len);
    write_gz("c.tar.gz", tar.bytes, tar.len, 1);
    night_run folder = night_classify(model, night_path("folder"), 1);
    assert_ok(folder.status, &folder.err);
    assert_int_equal(folder.books.classified, sizeof stamps / sizeof stamps[0] - 1);
    static const char *const names[] = {"a.tar", "b.tar", "c.tar.gz"};
    for (int i = 0; i < 3; i++) {
        night_run r = night_classify(model, night_path(names[i]), 1);
        assert_ok(r.status, &r.err);
        assert_string_equal(r.text, folder.text);
        free(r.text);
    }
    /* cut anywhere it gives what comes before, and says that it was cut */
    for (size_t cut = 1000; cut < tar.len - 1024; cut += 100003) {
        night_file("cut.tar", tar.bytes, cut);
        night_run r = night_classify(model, night_path("cut.tar"), 1);
        assert_ok(r.status, &r.err);
        assert_in_range(r.books.quarantined, 1, 2);
        assert_int_equal(r.books.by_reason[SL_REASON_BAD_ARCHIVE], 1);
        const char *last = r.text + r.n - 1; /* the line that says so; those before are as from the folder */
        while (last > r.text && last[-1] != '\n') last--;
        assert_memory_equal(r.text, folder.text, (size_t)(last - r.text));
        free(r.text);
    }
    free(folder.text);
    sl_avro_release(&tar);
    sl_avro_release(&outer);
    sl_avro_release(&packet);
}

static void a_cut_archive_gives_what_comes_before_the_cut(void **state)
{
    (void)state;
    sl_avro_out tar = {0};
    make_tar(&tar, 10);
    night_file("1.tar", tar.bytes, tar.len / 2);
    write_gz("2.tar.gz", tar.bytes, tar.len, 1);
    size_t n;
    void *gz = read_back("2.tar.gz", &n);
    night_file("2.tar.gz", gz, n - n / 4);
    night_file("3.gz", "\x1f\x8b\x08 no gzip at all", 19);
    night_file("4.zst", "\x28\xb5\x2f\xfd no zstd", 12);
    night_file("5.bz2", "BZh9 no bzip2", 13);
    night_run r = night_classify(model, night_folder, 1);
    assert_ok(r.status, &r.err);
    assert_in_range(r.books.classified, 1, 5);
    assert_int_equal(r.books.by_reason[SL_REASON_BAD_ARCHIVE], 5);
    assert_int_equal(r.books.quarantined, 5);
    free(gz);
    free(r.text);
    sl_avro_release(&tar);
}

static void an_archive_that_is_nearly_all_air_is_refused(void **state)
{
    (void)state;
    enum { MEMBER = 32 << 20 };
    void *air = calloc(MEMBER, 1);
    write_gz("zeros.gz", air, MEMBER, 12); /* an empty tar, as far as one can tell */
    memset(air, 1, MEMBER);
    write_gz("bomb.gz", air, MEMBER, 12);
    free(air);
    night_run r = night_classify(model, night_path("bomb.gz"), 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.by_reason[SL_REASON_TOO_LARGE], 1);
    assert_int_equal(r.books.by_reason[SL_REASON_UNKNOWN_FORMAT], 1); /* what is in it */
    free(r.text);
    r = night_classify(model, night_path("zeros.gz"), 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.by_reason[SL_REASON_TOO_LARGE], 1);
    assert_int_equal(r.books.read, 1);
    free(r.text);
    /* and a tar whose one file claims 2^40 bytes and has none */
    sl_avro_out tar = {0};
    night_tar_header(&tar, "endless", 0);
    memcpy(tar.bytes + 124, "\x80\0\0\0\0\0\1\0\0\0\0\0", 12);
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : tar.bytes[i];
    snprintf((char *)tar.bytes + 148, 8, "%06o", sum);
    night_file("endless.tar", tar.bytes, tar.len);
    r = night_classify(model, night_path("endless.tar"), 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.quarantined, 1);
    free(r.text);
    sl_avro_release(&tar);
}

static void compressed_single_files_are_read_as_what_is_inside(void **state)
{
    (void)state;
    static const char csv[] = "object_id,mjd,band,flux,flux_err\nx,1,g,5,1\nx,2,r,6,1\ny,1,g,5,1\n";
    static const char no_entries[1024];
    sl_avro_out packet = {0};
    night_container(&packet, 1, 2, 1, 10, SL_AVRO_DEFLATE);
    write_gz("1.csv.gz", csv, sizeof csv - 1, 1);
    write_gz("2.avro.gz", packet.bytes, packet.len, 1);
    write_gz("3.gz", "", 0, 1);
    night_file("4.tar", no_entries, sizeof no_entries);
    night_run r = night_classify(model, night_folder, 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 6);
    assert_int_equal(r.books.classified, 3);
    assert_int_equal(r.books.by_reason[SL_REASON_TOO_FEW_POINTS], 1);
    assert_int_equal(r.books.by_reason[SL_REASON_EMPTY], 2);
    free(r.text);
    sl_avro_release(&packet);
}

static void a_broken_object_of_a_table_keeps_its_name(void **state)
{
    (void)state;
    static const char csv[] = "object_id,mjd,band,flux,flux_err\nx,1,g,oh,1\ny,1,g,5,1\ny,2,r,5,1\n";
    night_file("a", csv, sizeof csv - 1);
    night_run r = night_classify(model, night_path("a"), 1);
    assert_ok(r.status, &r.err);
    assert_true(line_has(r.text, 0, "\"object_id\": \"x\", \"class\": null") && line_has(r.text, 0, "\"bad_table\""));
    assert_true(line_has(r.text, 1, "\"object_id\": \"y\", \"class\": \""));
    free(r.text);
}

static void standard_input_is_read_like_a_file(void **state)
{
    (void)state;
    sl_avro_out packet = {0};
    night_container(&packet, 1, 2, 1, 10, SL_AVRO_NULL);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], packet.bytes, packet.len), packet.len);
    close(pipes[1]);
    const int before = dup(STDIN_FILENO);
    dup2(pipes[0], STDIN_FILENO);
    night_run r = night_classify(model, "-", 1);
    dup2(before, STDIN_FILENO);
    close(before);
    close(pipes[0]);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.classified, 2);
    assert_int_equal(r.books.bytes_read, packet.len);
    free(r.text);
    sl_avro_release(&packet);
}

static void a_path_that_is_not_there_ends_the_run_before_it_begins(void **state)
{
    (void)state;
    const char *paths[] = {night_folder, "/nowhere/at/all"};
    night_file("a", "x", 1);
    night_run r = night_go((sl_run_options){.model = model, .paths = paths, .n_paths = 2, .threads = 1});
    assert_int_equal(r.status, SL_ERR_IO);
    assert_true(has(r.err.message, "/nowhere/at/all"));
    assert_int_equal(r.books.read, 0);
    assert_int_equal(r.n, 0);
    free(r.text);
}

static void a_file_that_cannot_be_opened_is_counted_and_the_run_goes_on(void **state)
{
    (void)state;
    sl_avro_out packet = {0};
    night_container(&packet, 1, 1, 1, 10, SL_AVRO_NULL);
    assert_int_equal(symlink("nowhere", night_path("a")), 0);
    assert_int_equal(symlink("..", night_path("b")), 0); /* a folder by a link: not followed */
    assert_int_equal(mkfifo(night_path("c"), 0666), 0);  /* would wait for ever */
    night_file("d", packet.bytes, packet.len);
    night_run r = night_classify(model, night_folder, 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 3);
    assert_int_equal(r.books.classified, 1);
    assert_int_equal(r.books.by_reason[SL_REASON_UNREADABLE], 2);
    free(r.text);
    sl_avro_release(&packet);
}

/* ---- large containers ---- */

static void a_large_container_gives_what_its_records_give_one_by_one(void **state)
{
    (void)state;
    enum { N = 1500, STAMP = 3000 };
    sl_avro_out all = {0}, one = {0};
    static const int per_block[] = {1, 7, 1500};
    night_run expected = {0};
    assert_int_equal(mkdir(night_path("single"), 0777), 0);
    for (int i = 0; i < N; i++) {
        sl_avro_out records = {0};
        sl_error err;
        sl_avro_reset(&one);
        assert_ok(sl_avro_put_header(&one, night_schema, strlen(night_schema), SL_AVRO_NULL, night_sync, &err), &err);
        night_record(&records, 5000 + i, i % 5 == 4 ? 1 : 4, STAMP);
        assert_ok(sl_avro_put_container_block(&one, SL_AVRO_NULL, night_sync, 1, records.bytes, records.len, &err), &err);
        sl_avro_release(&records);
        char name[32];
        snprintf(name, sizeof name, "single/%04d", i);
        night_file(name, one.bytes, one.len);
    }
    expected = night_classify(model, night_path("single"), 2);
    assert_int_equal(expected.books.classified, N / 5 * 4);
    assert_int_equal(expected.books.by_reason[SL_REASON_TOO_FEW_POINTS], N / 5);
    for (int i = 0; i < 3; i++) {
        sl_avro_reset(&all);
        night_container(&all, 5000, N, per_block[i], STAMP, i == 1 ? SL_AVRO_DEFLATE : SL_AVRO_NULL);
        assert_true(i == 1 || all.len > 4 << 20);
        night_file("all", all.bytes, all.len);
        night_run r = night_classify(model, night_path("all"), 2);
        assert_ok(r.status, &r.err);
        assert_int_equal(r.n, expected.n);
        assert_memory_equal(r.text, expected.text, r.n);
        free(r.text);
    }
    free(expected.text);
    sl_avro_release(&all);
    sl_avro_release(&one);
}

static void a_damaged_large_container_gives_what_stands_before_the_damage(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    night_container(&all, 0, 3000, 10, 1000, SL_AVRO_NULL);
    const size_t n = all.len;
    assert_true(n > 3 << 20);
    night_file("a-cut", all.bytes, n - 500);
    all.bytes[n - 5] ^= 1; /* the last sync marker */
    night_file("b-sync", all.bytes, n);
    night_run r = night_classify(model, night_folder, 3);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.classified + r.books.refused, 2 * 2990);
    assert_int_equal(r.books.by_reason[SL_REASON_TRUNCATED], 10); /* the block says so, and its bytes bear it out */
    assert_int_equal(r.books.by_reason[SL_REASON_BAD_CONTAINER], 10);
    assert_true(line_has(r.text, 2990, "\"truncated\""));
    free(r.text);
    sl_avro_release(&all);
}

/* The k-th sync marker, the header's being number 0. */
static unsigned char *marker(sl_avro_out *container, int k)
{
    unsigned char *at = container->bytes;
    for (;; at += SL_AVRO_SYNC) {
        at = memmem(at, (size_t)(container->bytes + container->len - at), night_sync, SL_AVRO_SYNC);
        assert_non_null(at);
        if (k-- == 0) return at;
    }
}

static void a_damaged_block_takes_no_other_with_it(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    /* large and small; a marker, and a size that is too large, too small, and beyond all bounds */
    static const unsigned char sizes[3][4] = {{0x14, 0xff, 0xff, 0x02}, {0x14, 0x02}, {0x14, 0xff, 0xff, 0xff}};
    static const int counts[] = {3000, 40};
    for (int large = 0; large < 2; large++) {
        for (int how = 0; how < 4; how++) {
            const int n = counts[large];
            sl_avro_reset(&all);
            night_container(&all, 0, n, 10, 1000, SL_AVRO_NULL);
            if (how == 0) {
                marker(&all, n / 20)[3] ^= 1;
            } else {
                memcpy(marker(&all, n / 20) + SL_AVRO_SYNC, sizes[how - 1], how == 2 ? 2 : 4);
            }
            night_file("a", all.bytes, all.len);
            night_run r = night_classify(model, night_path("a"), 2);
            assert_ok(r.status, &r.err);
            assert_int_equal(r.books.classified + r.books.refused, n - 10);
            assert_in_range(r.books.quarantined, 1, 10); /* ten, where the count is believed */
            char id[32];
            snprintf(id, sizeof id, "\"ZTF%06d\"", n - 1);
            assert_true(has(r.text, id));
            free(r.text);
        }
    }
    sl_avro_release(&all);
}

static void a_container_of_nothing_but_damage_is_given_up(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    sl_error err;
    assert_ok(sl_avro_put_header(&all, night_schema, strlen(night_schema), SL_AVRO_NULL, night_sync, &err), &err);
    for (int i = 0; i < 100000; i++) sl_avro_put_raw(&all, night_sync, SL_AVRO_SYNC);
    night_file("a", all.bytes, all.len);
    night_run r = night_classify(model, night_path("a"), 2);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, r.books.quarantined);
    assert_in_range(r.books.read, 1, 100000);
    free(r.text);
    sl_avro_release(&all);
}

static void a_block_that_claims_to_be_endless_takes_no_memory(void **state)
{
    (void)state;
    sl_avro_out all = {0};
    night_container(&all, 0, 1500, 10, 1000, SL_AVRO_NULL);
    sl_avro_put_long(&all, INT64_C(1) << 62);
    sl_avro_put_long(&all, INT64_C(1) << 62);
    night_file("a", all.bytes, all.len);
    night_run r = night_classify(model, night_path("a"), 1);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 1501);
    assert_int_equal(r.books.quarantined, 1);
    free(r.text);
    sl_avro_release(&all);
}

/* ---- framed messages ---- */

static void framed_messages_are_read_with_the_schemas_of_a_folder(void **state)
{
    (void)state;
    sl_simulate_options o;
    sl_error err;
    sl_simulate_defaults(&o);
    o.survey = SL_SIMULATE_LSST;
    o.form = SL_SIMULATE_FRAMED_TAR;
    o.n_alerts = 50;
    o.cutouts = false;
    FILE *f = fopen(night_path("night.tar"), "wb");
    assert_ok(sl_simulate_write(&o, f, &err), &err);
    assert_int_equal(fclose(f), 0);
    /* the first file in the tar is a container that brings the schema */
    size_t n;
    char *tar = read_back("night.tar", &n);
    assert_int_equal(mkdir(night_path("schemas"), 0777), 0);
    night_file("schemas/a.avro", tar + 512, strtoul(tar + 124, NULL, 8));
    free(tar);
    const char *paths[] = {night_path("night.tar")};
    sl_run_options options = {.model = model, .paths = paths, .n_paths = 1, .threads = 3};
    night_run r = night_go(options);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 50);
    assert_int_equal(r.books.by_reason[SL_REASON_UNKNOWN_SCHEMA], 50);
    free(r.text);
    options.schema_folder = night_path("schemas");
    r = night_go(options);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.read, 50);
    assert_int_equal(r.books.quarantined, 0);
    assert_true(r.books.classified > 25);
    free(r.text);
    /* one of two megabytes: a schema that nobody has, but it is read whole */
    char *long_message = calloc(2 << 20, 1);
    long_message[4] = 7;
    night_file("long", long_message, 2 << 20);
    free(long_message);
    paths[0] = night_path("long");
    r = night_go(options);
    assert_ok(r.status, &r.err);
    assert_int_equal(r.books.by_reason[SL_REASON_UNKNOWN_SCHEMA], 1);
    free(r.text);
    options.schema_folder = "/nowhere/at/all";
    r = night_go(options);
    assert_int_equal(r.status, SL_ERR_IO);
    free(r.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_NIGHT(a_folder_is_read_in_the_order_of_its_names),
        ON_A_NIGHT(what_a_thing_is_its_bytes_say_and_not_its_name),
        ON_A_NIGHT(archives_are_read_two_deep_and_no_deeper),
        ON_A_NIGHT(archives_behind_each_other_in_a_file_are_all_read),
        ON_A_NIGHT(what_is_wrong_with_gzip_is_told_behind_what_came_out_of_it),
        ON_A_NIGHT(entries_of_any_size_come_out_of_a_tar_as_from_a_folder),
        ON_A_NIGHT(a_cut_archive_gives_what_comes_before_the_cut),
        ON_A_NIGHT(an_archive_that_is_nearly_all_air_is_refused),
        ON_A_NIGHT(compressed_single_files_are_read_as_what_is_inside),
        ON_A_NIGHT(a_broken_object_of_a_table_keeps_its_name),
        ON_A_NIGHT(standard_input_is_read_like_a_file),
        ON_A_NIGHT(a_path_that_is_not_there_ends_the_run_before_it_begins),
        ON_A_NIGHT(a_file_that_cannot_be_opened_is_counted_and_the_run_goes_on),
        ON_A_NIGHT(a_large_container_gives_what_its_records_give_one_by_one),
        ON_A_NIGHT(a_damaged_large_container_gives_what_stands_before_the_damage),
        ON_A_NIGHT(a_damaged_block_takes_no_other_with_it),
        ON_A_NIGHT(a_container_of_nothing_but_damage_is_given_up),
        ON_A_NIGHT(a_block_that_claims_to_be_endless_takes_no_memory),
        ON_A_NIGHT(framed_messages_are_read_with_the_schemas_of_a_folder),
    };
    return cmocka_run_group_tests_name("sources", tests, make_model, close_model);
}
