#include "pipeline/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

unsigned char *sl_bytes_room(sl_bytes *bytes, size_t n)
{
    if (n > bytes->size - bytes->len || bytes->ptr == NULL) {
        size_t size = bytes->size > 0 ? bytes->size : 4096;
        while (size - bytes->len < n && size <= SIZE_MAX / 2) size *= 2;
        unsigned char *more = size - bytes->len >= n ? realloc(bytes->ptr, size) : NULL;
        if (more == NULL) return NULL;
        bytes->ptr = more;
        bytes->size = size;
    }
    return bytes->ptr + bytes->len;
}

static void empty_bytes(sl_bytes *bytes)
{
    if (bytes->size > SL_WORK_KEEP) {
        free(bytes->ptr);
        *bytes = (sl_bytes){0};
    }
    bytes->len = 0;
}

void sl_work_release(sl_work *work)
{
    free(work->bytes.ptr);
    free(work->names.ptr);
    free(work->notes);
    sl_avro_release(&work->records);
    *work = (sl_work){0};
}

void sl_work_reset(sl_work *work)
{
    work->n_packets = 0;
    empty_bytes(&work->bytes);
    empty_bytes(&work->names);
    if (work->records.size > SL_WORK_KEEP) sl_avro_release(&work->records);
    sl_avro_reset(&work->records);
    work->n_records = 0;
    work->n_notes = 0;
    work->books = (sl_ledger){0};
}

bool sl_work_full(const sl_work *work)
{
    return work->n_packets == SL_WORK_PACKETS || work->bytes.len >= SL_WORK_BYTES;
}

/* A terminated copy among the names; the last one again where it is the same. */
static bool add_name(sl_work *work, const char *name, size_t last, size_t *at)
{
    if (name == NULL) name = "";
    if (work->n_packets > 0 && strcmp((const char *)work->names.ptr + last, name) == 0) {
        *at = last;
        return true;
    }
    const size_t n = strlen(name) + 1;
    unsigned char *to = sl_bytes_room(&work->names, n);
    if (to == NULL) return false;
    memcpy(to, name, n);
    *at = work->names.len;
    work->names.len += n;
    return true;
}

/* A packet of the n bytes at `at`, of which work->bytes.len does not know yet. */
static sl_status add_packet(sl_work *work, const sl_origin *origin, sl_packet_kind kind, size_t at, size_t n_bytes,
                            sl_error *err)
{
    SL_REQUIRE(!sl_work_full(work), err);
    sl_packet *packet = &work->packets[work->n_packets];
    const sl_packet *last = work->n_packets > 0 ? packet - 1 : packet;
    *packet = (sl_packet){
        .kind = kind,
        .input = origin->input,
        .at = at,
        .n_bytes = n_bytes,
        .path = last->path,
        .entry = last->entry,
        .offset = origin->offset,
        .record = origin->record,
        .n_records = 1,
    };
    if (!add_name(work, origin->path, last->path, &packet->path)) return SL_FAIL_NOMEM(err);
    if (!add_name(work, origin->entry, last->entry, &packet->entry)) return SL_FAIL_NOMEM(err);
    work->bytes.len = at + n_bytes;
    work->n_packets++;
    return SL_OK;
}

sl_status sl_work_add_bytes(sl_work *work, const sl_origin *origin, size_t n_bytes, sl_error *err)
{
    return add_packet(work, origin, SL_PACKET_BYTES, work->bytes.len, n_bytes, err);
}

sl_status sl_work_add_broken(sl_work *work, const sl_origin *origin, const void *bytes, size_t n_bytes,
                             size_t n_records, const sl_error *why, sl_error *err)
{
    unsigned char *to = sl_bytes_room(&work->bytes, n_bytes);
    if (to == NULL) return SL_FAIL_NOMEM(err);
    if (n_bytes > 0) memmove(to, bytes, n_bytes);
    SL_TRY(add_packet(work, origin, SL_PACKET_BROKEN, work->bytes.len, n_bytes, err));
    sl_packet *packet = &work->packets[work->n_packets - 1];
    packet->reason = why->reason;
    packet->n_records = n_records;
    const size_t n = strlen(why->message) + 1, n_object = origin->object_id.len;
    unsigned char *text = sl_bytes_room(&work->names, n + n_object);
    if (text == NULL) return SL_FAIL_NOMEM(err);
    memcpy(text, why->message, n);
    if (n_object > 0) memcpy(text + n, origin->object_id.ptr, n_object);
    packet->message = work->names.len;
    packet->object = work->names.len + n;
    packet->n_object = n_object;
    work->names.len += n + n_object;
    return SL_OK;
}

static size_t aligned(size_t at)
{
    return (at + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

sl_status sl_work_add_alert(sl_work *work, const sl_origin *origin, const sl_alert *alert, sl_error *err)
{
    const size_t pad = aligned(work->bytes.len) - work->bytes.len;
    const size_t points = aligned(sizeof *alert), n_points = alert->n_points * sizeof alert->points[0];
    const size_t ids = points + n_points;
    const size_t n = ids + alert->alert_id.len + alert->object_id.len;
    unsigned char *to = sl_bytes_room(&work->bytes, pad + n);
    if (to == NULL) return SL_FAIL_NOMEM(err);
    to += pad;
    memcpy(to, alert, sizeof *alert);
    if (n_points > 0) memcpy(to + points, alert->points, n_points);
    if (alert->alert_id.len > 0) memcpy(to + ids, alert->alert_id.ptr, alert->alert_id.len);
    if (alert->object_id.len > 0) {
        memcpy(to + ids + alert->alert_id.len, alert->object_id.ptr, alert->object_id.len);
    }
    return add_packet(work, origin, SL_PACKET_ALERT, work->bytes.len + pad, n, err);
}

sl_alert sl_work_alert(const sl_work *work, const sl_packet *packet)
{
    const unsigned char *from = work->bytes.ptr + packet->at;
    sl_alert alert;
    memcpy(&alert, from, sizeof alert);
    const size_t points = aligned(sizeof alert);
    const char *ids = (const char *)from + points + alert.n_points * sizeof alert.points[0];
    alert.points = (const sl_point *)(const void *)(from + points);
    alert.alert_id.ptr = ids;
    alert.object_id.ptr = ids + alert.alert_id.len;
    alert.schema_version = (sl_str){0};
    return alert;
}
