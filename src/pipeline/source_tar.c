/*
 * Archives: tar and compressed files of anything, entry by entry through
 * libarchive. Nothing is unpacked to disk, and an entry is read as a stream
 * like any file. How much may come out of how much is bounded: an archive
 * that is nearly all air is a bomb.
 *
 * Two things are done here rather than there, for speed. gzip is unpacked by
 * gunzip.c, if its library is at hand. And of a plain file in a tar only the
 * beginning comes through libarchive: the rest is read from below to where it
 * is wanted, without a copy, and libarchive steps over it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/late.h"
#include "pipeline/gunzip.h"
#include "pipeline/source.h"

enum {
    READ_SIZE = 64 * 1024,
    READ_HEADER = 4096, /* where most that comes with a header would be copied */
    LARGE = 16 * 1024,  /* an entry worth reading past libarchive */
    BOMB_RATIO = 500,       /* zlib ends at 1032, a night of alerts at ten, a light-curve table at twenty */
    BOMB_SIZE = 256 << 20,  /* smaller ones do no harm */
    MAX_NAME = 4096
};

#define FUNCTIONS(X)                                                                                              \
    X(archive_entry_filetype) X(archive_entry_hardlink) X(archive_entry_pathname) X(archive_error_string)         \
    X(archive_entry_size) X(archive_entry_size_is_set) X(archive_entry_sparse_count)                              \
    X(archive_filter_bytes) X(archive_filter_count) X(archive_format) X(archive_read_data)                        \
    X(archive_read_data_block) X(archive_read_free) X(archive_read_new) X(archive_read_next_header)               \
    X(archive_read_open2) X(archive_read_set_format_option)                                                       \
    X(archive_read_support_filter_bzip2) X(archive_read_support_filter_gzip) X(archive_read_support_filter_xz)    \
    X(archive_read_support_filter_zstd) X(archive_read_support_format_empty) X(archive_read_support_format_raw)   \
    X(archive_read_support_format_tar) X(archive_set_error)
static struct { FUNCTIONS(SL_LATE_POINTER) } la;
static const char *const names[] = {FUNCTIONS(SL_LATE_NAME)};
static sl_late library = SL_LATE("reading archives", SL_SONAME_ARCHIVE, names, &la);

typedef struct opened {
    struct archive *archive;
    sl_stream *below;
    sl_stream unpacked; /* what is below, if that was gzip */
    sl_gunzip *gunzip;  /* that unpacks it, else NULL */
    unsigned char block[READ_SIZE];
    size_t n_block;
    uint64_t given; /* bytes of entries */
    /* a plain file in a tar */
    bool is_plain;
    bool is_past;   /* all that libarchive holds of it was given */
    uint64_t left;  /* bytes not given yet */
    const unsigned char *piece; /* of the block, not given yet */
    size_t n_piece;
    uint64_t taken; /* from below, that libarchive does not know of */
    bool is_open;   /* and can tell how much went in and out */
    bool failed;    /* nothing more can be read, and `why` says so */
    bool told;      /* as broken */
    sl_error why;
} opened;

/* Compare what came out, as entries or as their headers, with what went in. */
static bool is_bomb(opened *o)
{
    const uint64_t in =
        o->gunzip != NULL ? sl_gunzip_taken(o->gunzip) : (uint64_t)la.archive_filter_bytes(o->archive, -1);
    uint64_t out = (uint64_t)la.archive_filter_bytes(o->archive, 0);
    if (out < o->given) out = o->given;
    if (out < BOMB_SIZE || out / BOMB_RATIO < in) return false;
    (void)SL_FAIL(&o->why, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "%llu bytes unpack to %llu and more: unpack it first",
                  (unsigned long long)in, (unsigned long long)out);
    return o->failed = true;
}

static la_ssize_t read_below(struct archive *archive, void *user, const void **block)
{
    opened *o = user;
    sl_error why;
    /* Here too: libarchive steps over empty blocks by itself. */
    if (o->is_open && is_bomb(o)) {
        la.archive_set_error(archive, EIO, "%s", o->why.message);
        return -1;
    }
    const size_t size = o->is_plain && o->left == 0 ? READ_HEADER : READ_SIZE;
    const ptrdiff_t got = sl_stream_read(o->below, o->block, size, &why);
    *block = o->block;
    o->n_block = got > 0 ? (size_t)got : 0;
    if (got >= 0) return got;
    o->failed = true;
    o->why = why;
    la.archive_set_error(archive, EIO, "%s", why.message);
    return -1;
}

/* libarchive wants to step over that many bytes: some of them were taken already. */
static la_int64_t skip_below(struct archive *archive, void *user, la_int64_t n)
{
    (void)archive;
    opened *o = user;
    const uint64_t skipped = (uint64_t)n < o->taken ? (uint64_t)n : o->taken;
    o->taken -= skipped;
    return (la_int64_t)skipped;
}

/* Nothing more can be read of the archive. What failed below it keeps its own reason. */
static sl_status fail_archive(opened *o, sl_error *err)
{
    if (!o->failed) {
        const char *text = la.archive_error_string(o->archive);
        (void)SL_FAIL(&o->why, SL_ERR_FORMAT, SL_REASON_BAD_ARCHIVE, "%s", text != NULL ? text : "damaged archive");
        o->failed = true;
    }
    if (err != NULL) *err = o->why;
    return o->why.status;
}

/* What libarchive holds of a plain file: its beginning, and all that lies in the block. */
static sl_status next_piece(opened *o, sl_error *err)
{
    const void *piece;
    la_int64_t at;
    int status;
    do {
        status = la.archive_read_data_block(o->archive, &piece, &o->n_piece, &at);
    } while (status == ARCHIVE_RETRY);
    if (status == ARCHIVE_EOF) {
        o->left = 0;
        return SL_OK;
    }
    if (status < ARCHIVE_WARN) return fail_archive(o, err);
    if (o->n_piece > o->left) o->n_piece = (size_t)o->left;
    o->piece = piece;
    /* Nothing of the entry lies elsewhere in libarchive's memory where this ends with the block. */
    o->is_past = o->piece >= o->block && o->piece < o->block + o->n_block &&
                 o->piece + o->n_piece == o->block + o->n_block;
    return SL_OK;
}

static ptrdiff_t read_plain(opened *o, void *buf, size_t n, sl_error *err)
{
    if (o->n_piece == 0 && !o->is_past && o->left > 0) SL_TRY(next_piece(o, err));
    if (n > o->left) n = (size_t)o->left;
    if (n == 0) return 0;
    if (o->n_piece > 0) {
        if (n > o->n_piece) n = o->n_piece;
        memcpy(buf, o->piece, n);
        o->piece += n;
        o->n_piece -= n;
        o->left -= n;
        return (ptrdiff_t)n;
    }
    const ptrdiff_t got = sl_stream_read(o->below, buf, n, &o->why);
    if (got == 0) (void)SL_FAIL(&o->why, SL_ERR_FORMAT, SL_REASON_BAD_ARCHIVE, "the archive ends inside an entry");
    o->failed = got <= 0;
    if (o->failed) return fail_archive(o, err);
    o->taken += (uint64_t)got;
    o->left -= (uint64_t)got;
    return got;
}

/* The stream of the entry at hand. */
static ptrdiff_t read_entry(void *user, void *buf, size_t n, sl_error *err)
{
    opened *o = user;
    if (o->failed || is_bomb(o)) return fail_archive(o, err);
    if (o->is_plain) {
        const ptrdiff_t got = read_plain(o, buf, n, err);
        if (got > 0) o->given += (uint64_t)got;
        return got;
    }
    for (;;) {
        const la_ssize_t got = la.archive_read_data(o->archive, buf, n);
        if (got == ARCHIVE_RETRY || got == ARCHIVE_WARN) continue;
        if (got < 0) return fail_archive(o, err);
        o->given += (uint64_t)got;
        return got;
    }
}

/* Step over what nobody wanted, the bound in mind. */
static void skip_rest(opened *o)
{
    unsigned char scratch[4096];
    if (o->is_plain) return; /* libarchive will, and the bound is in read_below */
    while (read_entry(o, scratch, sizeof scratch, NULL) > 0) {}
}

/* Unpack what is below, where it is gzip. Without our library for that, libarchive does it. */
static sl_status unpack_below(opened *o, sl_error *err)
{
    if (!sl_gunzip_is(o->below->ahead, o->below->n_ahead)) return SL_OK;
    const sl_status status = sl_gunzip_new(&o->gunzip, o->below, err);
    if (status < 0) return status == SL_ERR_UNSUPPORTED ? SL_OK : status;
    o->unpacked = (sl_stream){.read = sl_gunzip_read, .user = o->gunzip, .fd = -1};
    o->below = &o->unpacked;
    return SL_OK;
}

static sl_status open_archive(opened *o, sl_error *err)
{
    SL_TRY(sl_late_load(&library, err));
    SL_TRY(unpack_below(o, err));
    o->archive = la.archive_read_new();
    if (o->archive == NULL) return SL_FAIL_NOMEM(err);
    la.archive_read_support_filter_gzip(o->archive);
    la.archive_read_support_filter_zstd(o->archive);
    la.archive_read_support_filter_xz(o->archive);
    la.archive_read_support_filter_bzip2(o->archive);
    la.archive_read_support_format_tar(o->archive);
    la.archive_read_support_format_empty(o->archive);
    la.archive_read_support_format_raw(o->archive);
    /* "cat a.tar b.tar": what stands behind the end of the first is not lost. */
    la.archive_read_set_format_option(o->archive, "tar", "read_concatenated_archives", "1");
    if (la.archive_read_open2(o->archive, o, NULL, read_below, skip_below, NULL) != ARCHIVE_OK) {
        return fail_archive(o, err);
    }
    o->is_open = true;
    return SL_OK;
}

/* The next file; SL_DONE after the last. */
static sl_status next_entry(opened *o, struct archive_entry **entry, sl_error *err)
{
    for (;;) {
        if (o->failed || is_bomb(o)) return fail_archive(o, err);
        const int status = la.archive_read_next_header(o->archive, entry);
        if (status == ARCHIVE_EOF) return SL_DONE;
        if (status == ARCHIVE_RETRY) continue;
        if (status < ARCHIVE_WARN) return fail_archive(o, err);
        const bool packed = o->gunzip != NULL || la.archive_filter_count(o->archive) > 1;
        if (la.archive_format(o->archive) == ARCHIVE_FORMAT_RAW && !packed) {
            la.archive_set_error(o->archive, EINVAL, "the compression's header is damaged");
            return fail_archive(o, err);
        }
        /* Folders and links hold nothing of their own. */
        if (la.archive_entry_hardlink(*entry) == NULL && la.archive_entry_filetype(*entry) == AE_IFREG) return SL_OK;
    }
}

static void begin_entry(opened *o, struct archive_entry *entry)
{
    const bool is_tar = (la.archive_format(o->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
    const la_int64_t size = la.archive_entry_size_is_set(entry) ? la.archive_entry_size(entry) : 0;
    o->is_plain = is_tar && size >= LARGE && la.archive_filter_count(o->archive) < 2 &&
                  la.archive_entry_sparse_count(entry) == 0;
    o->is_past = false;
    o->left = o->is_plain ? (uint64_t)size : 0;
    o->n_piece = 0;
    o->taken = 0;
}

/* The name of an entry: below the archive that this one lies in, if any. A compressed file has its own name only. */
static void name_entry(opened *o, const sl_origin *origin, struct archive_entry *entry, char name[MAX_NAME])
{
    const char *own = la.archive_format(o->archive) == ARCHIVE_FORMAT_RAW ? "" : la.archive_entry_pathname(entry);
    const char *outer = origin->entry != NULL ? origin->entry : "";
    if (own == NULL) own = "?";
    const char *between = outer[0] != '\0' && own[0] != '\0' ? "/" : "";
    const int n = snprintf(name, MAX_NAME, "%s%s%s", outer, between, own);
    (void)n; /* cut where it is too long: it is for people */
}

static sl_status read_entries(sl_source *source, opened *o, const sl_origin *origin, int depth, char name[MAX_NAME],
                              sl_error *err)
{
    struct archive_entry *entry;
    sl_error why;
    sl_status status;
    size_t n = 0;
    while ((status = next_entry(o, &entry, &why)) == SL_OK) {
        begin_entry(o, entry);
        name_entry(o, origin, entry, name);
        const sl_origin inside = {.path = origin->path, .entry = name[0] != '\0' ? name : NULL};
        sl_stream stream = {.read = read_entry, .user = o, .fd = -1};
        SL_TRY(sl_source_stream(source, &inside, &stream, depth + 1, err));
        o->told = o->failed; /* the entry that met the failure has told it */
        skip_rest(o);
        n++;
    }
    if (status == SL_DONE && n == 0) {
        status = SL_FAIL(&why, SL_ERR_FORMAT, SL_REASON_EMPTY, "an archive with no file in it");
    }
    if (status < 0 && !o->told) return sl_feed_broken(source->feed, origin, NULL, 0, 1, &why, err);
    return SL_OK;
}

sl_status sl_source_archive(sl_source *source, const sl_origin *origin, sl_stream *stream, int depth, sl_error *err)
{
    opened *o = calloc(1, sizeof *o);
    char *name = malloc(MAX_NAME);
    sl_status status = o != NULL && name != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    if (status < 0) {
        source->feed->status = status;
        goto out;
    }
    const unsigned char *head = stream->ahead;
    const size_t n_head = stream->n_ahead;
    o->below = stream;
    sl_error why;
    status = open_archive(o, &why);
    if (status == SL_ERR_NOMEM) {
        if (err != NULL) *err = why;
        source->feed->status = status;
    } else if (status < 0) {
        status = sl_feed_broken(source->feed, origin, head, n_head, 1, &why, err);
    } else {
        status = read_entries(source, o, origin, depth, name, err);
    }
out:
    if (o != NULL && o->archive != NULL) la.archive_read_free(o->archive);
    if (o != NULL) sl_gunzip_free(o->gunzip);
    free(name);
    free(o);
    return status;
}
