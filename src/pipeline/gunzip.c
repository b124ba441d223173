#include "pipeline/gunzip.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/igzip_lib.h>

#include "base/error.h"
#include "base/late.h"

enum { READ_SIZE = 64 * 1024 };

#define FUNCTIONS(X)                                                                           \
    X(isal_gzip_header_init) X(isal_inflate) X(isal_inflate_init) X(isal_inflate_reset) X(isal_read_gzip_header)
static struct { FUNCTIONS(SL_LATE_POINTER) } isal;
static const char *const names[] = {FUNCTIONS(SL_LATE_NAME)};
static sl_late library = SL_LATE("unpacking gzip", SL_SONAME_ISAL, names, &isal);

struct sl_gunzip {
    sl_stream *below;
    uint64_t taken;
    bool below_ended, ended;
    bool in_header;
    sl_error why; /* its status is negative once reading failed */
    /* Read apart: where isal_inflate reads it, a header with a sum must not come in pieces. */
    struct isal_gzip_header header;
    struct inflate_state state;
    unsigned char in[READ_SIZE]; /* state.next_in points into it */
};

static void begin_member(sl_gunzip *g)
{
    isal.isal_gzip_header_init(&g->header);
    isal.isal_inflate_reset(&g->state);
    g->state.crc_flag = ISAL_GZIP_NO_HDR_VER; /* which checks the sum all the same */
    g->in_header = true;
}

sl_status sl_gunzip_new(sl_gunzip **out, sl_stream *below, sl_error *err)
{
    SL_TRY(sl_late_load(&library, err));
    sl_gunzip *g = malloc(sizeof *g);
    if (g == NULL) return SL_FAIL_NOMEM(err);
    g->below = below;
    g->taken = 0;
    g->below_ended = g->ended = false;
    g->why = (sl_error){0};
    isal.isal_inflate_init(&g->state);
    g->state.next_in = g->in;
    g->state.avail_in = 0;
    begin_member(g);
    *out = g;
    return SL_OK;
}

void sl_gunzip_free(sl_gunzip *g)
{
    free(g);
}

uint64_t sl_gunzip_taken(const sl_gunzip *g)
{
    return g->taken;
}

static sl_status fail(sl_gunzip *g, const char *message)
{
    return SL_FAIL(&g->why, SL_ERR_FORMAT, SL_REASON_BAD_ARCHIVE, "%s", message);
}

/* More input behind what is left of it. */
static sl_status fill(sl_gunzip *g)
{
    const size_t left = g->state.avail_in;
    memmove(g->in, g->state.next_in, left);
    sl_error why;
    const ptrdiff_t got = sl_stream_read(g->below, g->in + left, sizeof g->in - left, &why);
    if (got < 0) {
        g->why = why;
        return (sl_status)got;
    }
    g->below_ended = got == 0;
    g->taken += (uint64_t)got;
    g->state.next_in = g->in;
    g->state.avail_in += (uint32_t)got;
    return SL_OK;
}

/* Behind a member: go on with the next, or end. */
static sl_status next_member(sl_gunzip *g)
{
    while (g->state.avail_in < 2 && !g->below_ended) SL_TRY(fill(g));
    if (!sl_gunzip_is(g->state.next_in, g->state.avail_in)) {
        g->ended = true;
        return SL_OK;
    }
    begin_member(g);
    return SL_OK;
}

/* True where the library is content, be it that it wants more input; else g->why says what is wrong. */
static bool is_well(sl_gunzip *g, int code)
{
    if (code == ISAL_DECOMP_OK || code == ISAL_END_INPUT) return true;
    (void)fail(g, code == ISAL_INCORRECT_CHECKSUM ? "the gzip data do not have the sum that they say"
                                                  : "the gzip data are damaged");
    return false;
}

/* As much of the header, or of the n bytes that may come out, as the input suffices for. */
static bool go_on(sl_gunzip *g, void *buf, uint32_t n, uint32_t *got)
{
    if (g->in_header) {
        const int code = isal.isal_read_gzip_header(&g->state, &g->header);
        g->in_header = code == ISAL_END_INPUT;
        return is_well(g, code);
    }
    g->state.next_out = buf;
    g->state.avail_out = n;
    const int code = isal.isal_inflate(&g->state);
    *got = n - g->state.avail_out;
    return is_well(g, code);
}

static sl_status read_some(sl_gunzip *g, void *buf, uint32_t n, uint32_t *got)
{
    *got = 0;
    while (*got == 0 && !g->ended) {
        if (g->state.block_state == ISAL_BLOCK_FINISH) {
            SL_TRY(next_member(g));
            continue;
        }
        if (g->state.avail_in == 0 && !g->below_ended) SL_TRY(fill(g));
        const bool stuck = g->state.avail_in == 0, was_header = g->in_header;
        if (!go_on(g, buf, n, got)) return g->why.status;
        const bool moved = *got > 0 || g->state.block_state == ISAL_BLOCK_FINISH || (was_header && !g->in_header);
        if (stuck && !moved) return fail(g, "the gzip data end too early");
    }
    return SL_OK;
}

ptrdiff_t sl_gunzip_read(void *gunzip, void *buf, size_t n, sl_error *err)
{
    sl_gunzip *g = gunzip;
    uint32_t got = 0;
    if (g->why.status == SL_OK) (void)read_some(g, buf, n < READ_SIZE * 16 ? (uint32_t)n : READ_SIZE * 16, &got);
    /* What came out before the damage is given first. */
    if (got > 0 || g->why.status == SL_OK) return (ptrdiff_t)got;
    if (err != NULL) *err = g->why;
    return g->why.status;
}
