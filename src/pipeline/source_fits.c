/*
 * SNANA's light curves, in pairs of FITS files. The first of a pair that
 * comes by is held until the other does: in the same folder or archive, in
 * whichever order. A PHOT file does not know its HEAD, but a HEAD file names
 * its PHOT, in its header or by its own name.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/error.h"
#include "lightcurve/snana.h"
#include "pipeline/source.h"

enum {
    MAX_FILE = 1 << 30,  /* bytes of one FITS file */
    MAX_NAME = 4096,
    ARENA_LIMIT = 256 << 20 /* of one object */
};
static const size_t max_held = (size_t)2 << 30; /* bytes of all that wait */

struct sl_half {
    sl_half *next;
    sl_snana_kind kind;
    void *bytes;
    size_t n_bytes;
    char *path, *entry; /* entry: NULL outside archives */
};

/* Where a file is called in full, so that what is in the same folder or archive begins alike. */
static bool full_name(const char *path, const char *entry, char name[MAX_NAME])
{
    const char *inside = entry != NULL ? entry : "";
    return snprintf(name, MAX_NAME, "%s%s%s", path, entry != NULL ? "/" : "", inside) < MAX_NAME;
}

/* What a compressor put behind the name does not count. */
static size_t bare_length(const char *name)
{
    const size_t n = strlen(name);
    static const char *const endings[] = {".gz", ".zst", ".xz", ".bz2"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t k = strlen(endings[i]);
        if (n > k && strcasecmp(name + n - k, endings[i]) == 0) return n - k;
    }
    return n;
}

static bool same_bare(const char *a, const char *b)
{
    const size_t n = bare_length(a);
    return n == bare_length(b) && memcmp(a, b, n) == 0;
}

/* `file` in the folder that `beside` is in. */
static bool neighbour(const char *beside, const char *file, char name[MAX_NAME])
{
    const char *slash = strrchr(beside, '/');
    const int folder = slash != NULL ? (int)(slash + 1 - beside) : 0;
    return snprintf(name, MAX_NAME, "%.*s%s", folder, beside, file) < MAX_NAME;
}

static bool belong_together(const sl_half *head, const sl_half *phot)
{
    char head_name[MAX_NAME], phot_name[MAX_NAME];
    if (!full_name(head->path, head->entry, head_name) || !full_name(phot->path, phot->entry, phot_name)) return false;
    char file[512], name[MAX_NAME];
    if (sl_snana_phot_of(head->bytes, head->n_bytes, file, sizeof file) && neighbour(head_name, file, name) &&
        same_bare(name, phot_name)) {
        return true;
    }
    return sl_snana_pair(head_name, name, sizeof name) && same_bare(name, phot_name);
}

static void free_half(sl_half *half)
{
    if (half == NULL) return;
    free(half->bytes);
    free(half->path);
    free(half->entry);
    free(half);
}

static sl_origin origin_of(const sl_half *half)
{
    return (sl_origin){.path = half->path, .entry = half->entry, .input = SL_INPUT_FITS};
}

static sl_status give_broken_half(sl_source *source, const sl_half *half, const sl_error *why, sl_error *err)
{
    const sl_origin origin = origin_of(half);
    return sl_feed_broken(source->feed, &origin, half->bytes, half->n_bytes, 1, why, err);
}

static sl_status give_objects(sl_source *source, const sl_half *head, sl_snana_reader *reader, sl_arena *arena,
                              sl_error *err)
{
    for (sl_origin origin = origin_of(head);; origin.record++) {
        sl_alert alert = {0};
        sl_error why;
        sl_arena_reset(arena);
        const sl_status status = sl_snana_next(reader, arena, &alert, &why);
        if (status == SL_DONE) return SL_OK;
        if (status == SL_OK) {
            SL_TRY(sl_feed_alert(source->feed, &origin, &alert, err));
        } else if (status == SL_ERR_FORMAT) {
            origin.object_id = alert.object_id;
            SL_TRY(sl_feed_broken(source->feed, &origin, NULL, 0, 1, &why, err));
        } else {
            if (err != NULL) *err = why;
            return source->feed->status = status;
        }
    }
}

static sl_status give_pair(sl_source *source, const sl_half *head, const sl_half *phot, sl_error *err)
{
    sl_snana_reader *reader;
    sl_error why;
    sl_status status = sl_snana_open(head->bytes, head->n_bytes, phot->bytes, phot->n_bytes, &reader, &why);
    if (status == SL_ERR_NOMEM) {
        if (err != NULL) *err = why;
        return source->feed->status = status;
    }
    if (status < 0) return give_broken_half(source, head, &why, err);
    sl_arena arena;
    sl_arena_init(&arena, ARENA_LIMIT);
    status = give_objects(source, head, reader, &arena, err);
    sl_arena_release(&arena);
    sl_snana_close(reader);
    return status;
}

/* Give the half with its partner, or hold it until that comes. Takes half. */
static sl_status match(sl_source *source, sl_half *half, sl_error *err)
{
    for (sl_half **at = &source->halves; *at != NULL; at = &(*at)->next) {
        sl_half *other = *at;
        if (other->kind == half->kind) continue;
        const sl_half *head = half->kind == SL_SNANA_HEAD ? half : other, *phot = head == half ? other : half;
        if (!belong_together(head, phot)) continue;
        *at = other->next;
        source->bytes_held -= other->n_bytes;
        const sl_status status = give_pair(source, head, phot, err);
        free_half(other);
        free_half(half);
        return status;
    }
    sl_error why;
    if (half->n_bytes > max_held - source->bytes_held) {
        (void)SL_FAIL(&why, SL_ERR_FORMAT, SL_REASON_TOO_LARGE, "too many FITS files wait for their other half");
        const sl_status status = give_broken_half(source, half, &why, err);
        free_half(half);
        return status;
    }
    half->next = source->halves;
    source->halves = half;
    source->bytes_held += half->n_bytes;
    return SL_OK;
}

sl_status sl_source_fits(sl_source *source, const sl_origin *origin, sl_stream *stream, sl_error *err)
{
    sl_half *half = calloc(1, sizeof *half);
    if (half == NULL) return source->feed->status = SL_FAIL_NOMEM(err);
    half->path = strdup(origin->path);
    half->entry = origin->entry != NULL ? strdup(origin->entry) : NULL;
    const unsigned char *head = stream->ahead;
    const size_t n_head = stream->n_ahead;
    sl_error why;
    sl_status status = SL_ERR_NOMEM;
    if (half->path != NULL && (origin->entry == NULL || half->entry != NULL)) {
        status = sl_stream_read_all(stream, MAX_FILE, &half->bytes, &half->n_bytes, &why);
    }
    if (status == SL_ERR_NOMEM) {
        source->feed->status = SL_FAIL_NOMEM(err);
    } else if (status < 0) {
        status = sl_feed_broken(source->feed, origin, head, n_head, 1, &why, err);
    } else if ((half->kind = sl_snana_sniff(half->bytes, half->n_bytes)) == SL_SNANA_NONE) {
        (void)SL_FAIL(&why, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "FITS, but neither a HEAD nor a PHOT file of SNANA");
        status = give_broken_half(source, half, &why, err);
    } else {
        return match(source, half, err);
    }
    free_half(half);
    return status;
}

/* In the order in which they came, which is not the order of the list. */
sl_status sl_source_end(sl_source *source, sl_error *err)
{
    sl_half *in_order = NULL;
    while (source->halves != NULL) {
        sl_half *half = source->halves;
        source->halves = half->next;
        half->next = in_order;
        in_order = half;
    }
    source->halves = in_order;
    for (const sl_half *half = in_order; half != NULL; half = half->next) {
        sl_error why;
        (void)SL_FAIL(&why, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "no %s file of SNANA came beside this %s file",
                      half->kind == SL_SNANA_HEAD ? "PHOT" : "HEAD", half->kind == SL_SNANA_HEAD ? "HEAD" : "PHOT");
        SL_TRY(give_broken_half(source, half, &why, err));
    }
    return SL_OK;
}

void sl_source_release(sl_source *source)
{
    while (source->halves != NULL) {
        sl_half *half = source->halves;
        source->halves = half->next;
        free_half(half);
    }
}
