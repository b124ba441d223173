/* What a stream is, and who reads it. */
#include "pipeline/source.h"

#include <stdlib.h>
#include <string.h>

#include "alert/container.h"
#include "base/error.h"
#include "lightcurve/csv.h"

static bool begins(const unsigned char *head, size_t n, const char *magic, size_t n_magic)
{
    return n >= n_magic && memcmp(head, magic, n_magic) == 0;
}

enum { TAR_BLOCK = 512, TAR_CHECKSUM = 148 };

static bool all_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

/* A tar header's checksum holds; tars from before POSIX have no magic. Two blocks of zeros are an empty tar. */
static bool is_tar(const unsigned char *head, size_t n)
{
    if (n < TAR_BLOCK) return false;
    if (all_zero(head, TAR_BLOCK)) return n >= 2 * TAR_BLOCK && all_zero(head + TAR_BLOCK, TAR_BLOCK);
    unsigned long said = 0, sum = 0;
    for (size_t i = TAR_CHECKSUM; i < TAR_CHECKSUM + 8; i++) {
        if (head[i] >= '0' && head[i] <= '7') said = said * 8 + (head[i] - '0');
    }
    for (size_t i = 0; i < TAR_BLOCK; i++) sum += i >= TAR_CHECKSUM && i < TAR_CHECKSUM + 8 ? ' ' : head[i];
    return said == sum;
}

static bool is_archive(const unsigned char *head, size_t n)
{
    return begins(head, n, "\x1f\x8b", 2) || begins(head, n, "\x28\xb5\x2f\xfd", 4) ||
           begins(head, n, "\xfd" "7zXZ", 5) || (begins(head, n, "BZh", 3) && n > 3 && head[3] >= '1' && head[3] <= '9') ||
           is_tar(head, n);
}

/* A first line with a comma, and nothing that text does not hold: a table, even where its columns turn out wrong. */
static bool is_text(const unsigned char *head, size_t n)
{
    bool comma = false, line = false;
    for (size_t i = 0; i < n && i < 4096; i++) {
        if (head[i] < ' ' && strchr("\t\n\r\f", head[i]) == NULL) return false;
        if (head[i] == '\0') return false;
        line = line || head[i] == '\n';
        comma = comma || (head[i] == ',' && !line);
    }
    return comma;
}

sl_input sl_source_sniff(const unsigned char *head, size_t n)
{
    if (n == 0) return SL_INPUT_EMPTY;
    if (sl_container_is(head, n)) return SL_INPUT_CONTAINER;
    if (begins(head, n, "SIMPLE  =", 9)) return SL_INPUT_FITS;
    if (is_archive(head, n)) return SL_INPUT_ARCHIVE;
    /* Byte 0 and the schema's id; zeros all along are nobody's message. */
    if (n > 5 && head[0] == 0 && !all_zero(head, n < TAR_BLOCK ? n : TAR_BLOCK)) return SL_INPUT_FRAMED;
    return is_text(head, n) || sl_csv_sniff(head, n) ? SL_INPUT_CSV : SL_INPUT_UNKNOWN;
}

/* Give a stream's first bytes as broken. */
static sl_status give_broken(sl_source *source, const sl_origin *origin, const unsigned char *head, size_t n,
                             sl_reason reason, const char *message, sl_error *err)
{
    sl_error why;
    (void)SL_FAIL(&why, SL_ERR_FORMAT, reason, "%s", message);
    return sl_feed_broken(source->feed, origin, head, n, 1, &why, err);
}

static sl_status read_kind(sl_source *source, sl_input kind, const sl_origin *origin, sl_stream *stream, int depth,
                           sl_error *err)
{
    switch (kind) {
    case SL_INPUT_CONTAINER: return sl_source_container(source, origin, stream, err);
    case SL_INPUT_ARCHIVE: return sl_source_archive(source, origin, stream, depth, err);
    case SL_INPUT_FITS: return sl_source_fits(source, origin, stream, err);
    case SL_INPUT_CSV: return sl_source_csv(source, origin, stream, err);
    default: return SL_FAIL(err, SL_ERR_INTERNAL, SL_REASON_NONE, "kind %d has no reader", (int)kind);
    }
}

/* A framed message of which the first n bytes, in the feed's room, are not all. */
static sl_status read_long_message(sl_source *source, const sl_origin *origin, sl_stream *stream, size_t n,
                                   sl_error *err)
{
    /* A larger room begins with what is in the smaller. */
    unsigned char *room = sl_feed_room(source->feed, SL_SOURCE_MAX_FRAMED, err);
    if (room == NULL) return source->feed->status;
    sl_error why;
    const ptrdiff_t got = sl_stream_read_full(stream, room + n, SL_SOURCE_MAX_FRAMED - n, &why);
    if (got == SL_ERR_NOMEM) return source->feed->status = SL_FAIL_NOMEM(err);
    if (got < 0) return sl_feed_broken(source->feed, origin, room, n, 1, &why, err);
    n += (size_t)got;
    if (n < SL_SOURCE_MAX_FRAMED) return sl_feed_bytes(source->feed, origin, n, err);
    return give_broken(source, origin, room, n, SL_REASON_TOO_LARGE, "a framed message of over 16 MB", err);
}

sl_status sl_source_stream(sl_source *source, const sl_origin *from, sl_stream *stream, int depth, sl_error *err)
{
    sl_origin where = *from;
    const sl_origin *origin = &where;
    /* The usual packet is small and goes from here as it is, without a copy. */
    unsigned char *room = sl_feed_room(source->feed, SL_SOURCE_HEAD, err);
    if (room == NULL) return source->feed->status;
    sl_error why;
    const ptrdiff_t got = sl_stream_read_full(stream, room, SL_SOURCE_HEAD, &why);
    if (got == SL_ERR_NOMEM) return source->feed->status = SL_FAIL_NOMEM(err);
    if (got < 0) return sl_feed_broken(source->feed, origin, NULL, 0, 1, &why, err);
    const size_t n = (size_t)got;
    const bool whole = n < SL_SOURCE_HEAD;
    const sl_input kind = where.input = sl_source_sniff(room, n);
    if (kind == SL_INPUT_EMPTY) {
        return give_broken(source, origin, room, 0, SL_REASON_EMPTY, "there are no bytes", err);
    }
    if (kind == SL_INPUT_UNKNOWN) {
        return give_broken(source, origin, room, n, SL_REASON_UNKNOWN_FORMAT,
                           "not Avro, no archive, no CSV and no FITS", err);
    }
    if (kind == SL_INPUT_FRAMED && !whole) return read_long_message(source, origin, stream, n, err);
    if (whole && (kind == SL_INPUT_FRAMED || (kind == SL_INPUT_CONTAINER && sl_source_container_is_whole(room, n)))) {
        return sl_feed_bytes(source->feed, origin, n, err);
    }
    if (kind == SL_INPUT_ARCHIVE && depth >= SL_SOURCE_MAX_DEPTH) {
        return give_broken(source, origin, room, n, SL_REASON_BAD_ARCHIVE, "archives inside archives inside archives",
                           err);
    }
    unsigned char *head = malloc(n);
    if (head == NULL) return source->feed->status = SL_FAIL_NOMEM(err);
    memcpy(head, room, n);
    stream->ahead = head;
    stream->n_ahead = n;
    const sl_status status = read_kind(source, kind, origin, stream, depth, err);
    stream->n_ahead = 0;
    free(head);
    return status;
}
