/*
 * pipeline/work.h - a work item: some packets of the input and, later, their
 * records.
 *
 * The reader fills it, one worker turns packets into records, the writer
 * writes those and gives the item back to be filled again. Its buffers are
 * kept: after warm-up nothing is allocated.
 */
#ifndef SL_PIPELINE_WORK_H
#define SL_PIPELINE_WORK_H

#include "alert/avro_write.h"
#include "starling/pipeline.h"

/* Where bytes came from, for people. Borrows. */
typedef struct sl_origin {
    const char *path;  /* as on the command line or below it */
    const char *entry; /* inside an archive, its folders with it; NULL outside */
    uint64_t offset;   /* of the bytes in the file or entry, uncompressed */
    uint64_t record;   /* number of the first record in the file or entry, from 0 */
    sl_input input;    /* what they are */
    sl_str object_id;  /* of something broken, where it is known */
} sl_origin;

typedef enum sl_packet_kind {
    SL_PACKET_BYTES = 0, /* a container or a framed message */
    SL_PACKET_ALERT,     /* a light curve, already decoded */
    SL_PACKET_BROKEN     /* what the reader itself found to be unreadable */
} sl_packet_kind;

/* Positions, since the buffers may move while the item is being filled. */
typedef struct sl_packet {
    sl_packet_kind kind;
    sl_input input;
    sl_reason reason;        /* of a broken one */
    size_t at, n_bytes;      /* in bytes; of an alert: sl_alert, points, ids */
    size_t path, entry;      /* in names, terminated; entry is empty outside archives */
    size_t message;          /* in names, of a broken one */
    size_t object, n_object; /* in names, not terminated: its object_id */
    uint64_t offset, record; /* as in sl_origin */
    size_t n_records;        /* that a broken one stands for */
} sl_packet;

/* A record that was quarantined: what quarantine.c tells of it. */
typedef struct sl_note {
    size_t packet;
    uint64_t record; /* in the file or entry */
    size_t n_records;
    sl_reason reason;
    char message[sizeof(((sl_error *)0)->message)];
} sl_note;

/* Growing bytes. */
typedef struct sl_bytes {
    unsigned char *ptr;
    size_t len, size;
} sl_bytes;

enum {
    SL_WORK_PACKETS = 64,
    SL_WORK_BYTES = 1 << 20, /* an item with so many bytes is full */
    SL_WORK_KEEP = 8 << 20   /* a buffer larger than this is not kept */
};

typedef struct sl_work {
    uint64_t sequence;
    size_t n_packets;
    sl_packet packets[SL_WORK_PACKETS];
    sl_bytes bytes;
    sl_bytes names;
    /* made by the worker */
    sl_avro_out records;
    size_t n_records;
    sl_ledger books;
    size_t n_notes, notes_size;
    sl_note *notes;
} sl_work;

void sl_work_release(sl_work *work);
void sl_work_reset(sl_work *work);
bool sl_work_full(const sl_work *work);

/* Room for n bytes behind those already in. NULL where memory ran out. */
unsigned char *sl_bytes_room(sl_bytes *bytes, size_t n);

/* Each adds a packet to an item that is not full; SL_ERR_NOMEM. */
sl_status sl_work_add_alert(sl_work *work, const sl_origin *origin, const sl_alert *alert, sl_error *err);
sl_status sl_work_add_broken(sl_work *work, const sl_origin *origin, const void *bytes, size_t n_bytes,
                             size_t n_records, const sl_error *why, sl_error *err);
/* n bytes that were already written into sl_bytes_room(&work->bytes, n). */
sl_status sl_work_add_bytes(sl_work *work, const sl_origin *origin, size_t n_bytes, sl_error *err);

/*
 * How many of the n_records that damaged bytes speak of are believed: one for
 * each 64 of the bytes, and one at least. A record goes out for each, and a
 * block of garbage may claim any number.
 */
static inline size_t sl_work_believe(size_t n_records, size_t n_bytes)
{
    const size_t most = 1 + n_bytes / 64;
    return n_records < most ? n_records : most;
}

/* The alert of a packet; its points and ids borrow from the item. */
sl_alert sl_work_alert(const sl_work *work, const sl_packet *packet);

#endif
