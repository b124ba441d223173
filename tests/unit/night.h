/* tests/unit/night.h - a small night for the tests of the pipeline: a model, packets, temporary files, a run. */
#ifndef SL_TESTS_NIGHT_H
#define SL_TESTS_NIGHT_H

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../helpers/tiny_model.h"
#include "alert/avro_write.h"
#include "starling/pipeline.h"
#include "unit.h"

/* Gives bytes that the model borrows: free them after it is closed. */
static inline sl_model *night_model(const char *contract, void **bytes)
{
    sl_model *model;
    sl_error err;
    assert_ok(tiny_model(contract, bytes, &model, &err), &err);
    return model;
}

/* ---- packets ---- */

static const char night_schema[] =
    "{\"type\":\"record\",\"name\":\"alert\",\"namespace\":\"ztf\",\"fields\":["
    "{\"name\":\"objectId\",\"type\":\"string\"},{\"name\":\"candid\",\"type\":\"long\"},"
    "{\"name\":\"candidate\",\"type\":{\"type\":\"record\",\"name\":\"candidate\",\"fields\":["
    "{\"name\":\"jd\",\"type\":\"double\"},{\"name\":\"fid\",\"type\":\"int\"},"
    "{\"name\":\"isdiffpos\",\"type\":\"string\"},{\"name\":\"magpsf\",\"type\":\"float\"},"
    "{\"name\":\"sigmapsf\",\"type\":\"float\"}]}},"
    "{\"name\":\"prv_candidates\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"
    "{\"type\":\"record\",\"name\":\"prv_candidate\",\"fields\":["
    "{\"name\":\"jd\",\"type\":\"double\"},{\"name\":\"fid\",\"type\":\"int\"},"
    "{\"name\":\"isdiffpos\",\"type\":[\"null\",\"string\"]},{\"name\":\"magpsf\",\"type\":[\"null\",\"float\"]},"
    "{\"name\":\"sigmapsf\",\"type\":[\"null\",\"float\"]}]}}]},"
    "{\"name\":\"stamp\",\"type\":\"bytes\"}]}";
static const unsigned char night_sync[SL_AVRO_SYNC] = "starlings flock";

/* One record: `points` of them, in g and r by turns; `stamp` bytes of cutout. */
static inline void night_record(sl_avro_out *out, int64_t candid, int points, size_t stamp)
{
    char name[32];
    snprintf(name, sizeof name, "ZTF%06d", (int)(candid % 1000000));
    sl_avro_put_text(out, name);
    sl_avro_put_long(out, candid);
    sl_avro_put_double(out, 2458451.5 + points);
    sl_avro_put_long(out, 1 + points % 2);
    sl_avro_put_text(out, "t");
    sl_avro_put_float(out, 18.5f + 0.001f * (float)(candid % 1000));
    sl_avro_put_float(out, 0.1f);
    sl_avro_put_union(out, 1);
    if (points > 1) sl_avro_put_block(out, points - 1);
    for (int i = 1; i < points; i++) {
        sl_avro_put_double(out, 2458451.5 + i);
        sl_avro_put_long(out, 1 + i % 2);
        sl_avro_put_union(out, 1);
        sl_avro_put_text(out, "t");
        sl_avro_put_union(out, 1);
        sl_avro_put_float(out, 19.5f - 0.1f * (float)i);
        sl_avro_put_union(out, 1);
        sl_avro_put_float(out, 0.1f);
    }
    sl_avro_put_end(out);
    sl_avro_put_long(out, (int64_t)stamp);
    for (size_t i = 0; i < stamp; i++) sl_avro_put_raw(out, &(unsigned char){(unsigned char)(i * 151 >> 3)}, 1);
}

/* A container of n records, so many a block, numbered from `first`; every fifth has one point only. */
static inline void night_container(sl_avro_out *out, int64_t first, int n, int per_block, size_t stamp,
                                   sl_avro_codec codec)
{
    sl_error err;
    sl_avro_out records = {0};
    assert_ok(sl_avro_put_header(out, night_schema, strlen(night_schema), codec, night_sync, &err), &err);
    for (int i = 0; i < n;) {
        int count = 0;
        sl_avro_reset(&records);
        for (; count < per_block && i < n; count++, i++) night_record(&records, first + i, i % 5 == 4 ? 1 : 4, stamp);
        assert_ok(sl_avro_put_container_block(out, codec, night_sync, count, records.bytes, records.len, &err), &err);
    }
    sl_avro_release(&records);
}

/* ---- files ---- */

static char night_folder[64];

static inline int night_setup(void **state)
{
    (void)state;
    strcpy(night_folder, "/tmp/starling-night-XXXXXX");
    return mkdtemp(night_folder) != NULL ? 0 : -1;
}

static inline int night_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline int night_teardown(void **state)
{
    (void)state;
    return nftw(night_folder, night_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of `name` in the test's folder; good until four more were asked for. */
static inline const char *night_path(const char *name)
{
    static char paths[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", night_folder, name);
    return paths[next];
}

static inline void night_file(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(night_path(name), "wb");
    assert_non_null(f);
    if (n > 0) assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* A tar header of a plain file. */
static inline void night_tar_header(sl_avro_out *tar, const char *name, size_t n)
{
    char block[512] = {0};
    snprintf(block, 100, "%s", name);
    memcpy(block + 100, "0000644", 8);
    memcpy(block + 108, "0000000", 8);
    memcpy(block + 116, "0000000", 8);
    snprintf(block + 124, 12, "%011lo", (unsigned long)n);
    memcpy(block + 136, "00000000000", 12);
    memset(block + 148, ' ', 8);
    block[156] = '0';
    memcpy(block + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++) sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    sl_avro_put_raw(tar, block, sizeof block);
}

static inline void night_tar_add(sl_avro_out *tar, const char *name, const void *bytes, size_t n)
{
    static const char zeros[512];
    night_tar_header(tar, name, n);
    sl_avro_put_raw(tar, bytes, n);
    sl_avro_put_raw(tar, zeros, (512 - n % 512) % 512);
}

static inline void night_tar_end(sl_avro_out *tar)
{
    static const char zeros[1024];
    sl_avro_put_raw(tar, zeros, sizeof zeros);
}

/* ---- a run into memory ---- */

typedef struct night_run {
    sl_status status;
    sl_error err;
    sl_ledger books;
    char *text; /* free it */
    size_t n;
} night_run;

static inline night_run night_go(sl_run_options options)
{
    night_run r = {0};
    options.out = open_memstream(&r.text, &r.n);
    assert_non_null(options.out);
    r.status = sl_run(&options, &r.books, &r.err);
    fclose(options.out);
    uint64_t reasons = 0;
    for (int i = 0; i < SL_N_REASONS; i++) reasons += r.books.by_reason[i];
    assert_int_equal(r.books.read, r.books.classified + r.books.refused + r.books.quarantined);
    assert_int_equal(reasons, r.books.refused + r.books.quarantined);
    assert_int_equal(r.books.by_reason[SL_REASON_NONE], 0);
    return r;
}

static inline night_run night_classify(const sl_model *model, const char *path, int threads)
{
    const char *paths[] = {path};
    return night_go((sl_run_options){.model = model, .paths = paths, .n_paths = 1, .threads = threads});
}

static inline size_t night_lines(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

/* ---- what most tests share ---- */

static void *night_model_bytes;
static sl_model *model;

static inline int make_model(void **state)
{
    (void)state;
    model = night_model("starling", &night_model_bytes);
    return 0;
}

static inline int close_model(void **state)
{
    (void)state;
    sl_model_close(model);
    free(night_model_bytes);
    return 0;
}

static inline bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* The k-th line says this; lines count from 0. */
static inline bool line_has(const char *text, size_t k, const char *part)
{
    for (; k > 0 && text != NULL; k--) text = (text = strchr(text, '\n')) != NULL ? text + 1 : NULL;
    if (text == NULL) return false;
    const char *end = strchr(text, '\n'), *at = strstr(text, part);
    return at != NULL && at < end;
}

/* A file of at most 4 MB; free it. */
static inline void *read_back(const char *name, size_t *n)
{
    FILE *f = fopen(night_path(name), "rb");
    assert_non_null(f);
    char *bytes = malloc(1 << 22);
    *n = fread(bytes, 1, 1 << 22, f);
    fclose(f);
    return bytes;
}

#define ON_A_NIGHT(test) cmocka_unit_test_setup_teardown(test, night_setup, night_teardown)

#endif
