#include "pipeline/quarantine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "pipeline/text.h"

enum { MAX_PATH = 4096, MAX_SAFE_NAME = 100 };

static sl_status join(const sl_quarantine *q, const char *name, char path[MAX_PATH], sl_error *err)
{
    if (snprintf(path, MAX_PATH, "%s/%s", q->folder, name) < MAX_PATH) return SL_OK;
    return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "path too long: %.80s...", q->folder);
}

static sl_status fail_write(const char *path, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write %s: %s", path, strerror(errno));
}

static sl_status fail_reasons(const sl_quarantine *q, sl_error *err)
{
    return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write %s/reasons.jsonl: %s", q->folder, strerror(errno));
}

sl_status sl_quarantine_open(sl_quarantine *q, const char *folder, sl_error *err)
{
    *q = (sl_quarantine){0};
    if (folder == NULL) return SL_OK;
    q->folder = strdup(folder);
    if (q->folder == NULL) return SL_FAIL_NOMEM(err);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot make %s: %s", folder, strerror(errno));
    }
    char path[MAX_PATH];
    SL_TRY(join(q, "reasons.jsonl", path, err));
    q->reasons = fopen(path, "wbe");
    return q->reasons != NULL ? SL_OK : fail_write(path, err);
}

/* "000012-packet.avro.bin": the last part of where it came from, without what a shell or file system might mind. */
static void name_file(uint64_t number, const char *from, char name[MAX_SAFE_NAME + 32])
{
    const char *slash = strrchr(from, '/');
    if (slash != NULL) from = slash + 1;
    int at = snprintf(name, 32, "%06llu-", (unsigned long long)number);
    for (int i = 0; i < MAX_SAFE_NAME && from[i] != '\0'; i++) {
        const char c = from[i];
        const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '_' || (c == '.' && i > 0);
        name[at++] = safe ? c : '_';
    }
    memcpy(name + at, ".bin", 5);
}

static sl_status write_file(const sl_quarantine *q, const char *name, const void *bytes, size_t n, sl_error *err)
{
    char path[MAX_PATH];
    SL_TRY(join(q, name, path, err));
    FILE *f = fopen(path, "wbe");
    if (f == NULL) return fail_write(path, err);
    const bool written = fwrite(bytes, 1, n, f) == n;
    if (fclose(f) != 0 || !written) return fail_write(path, err);
    return SL_OK;
}

static sl_status write_reason(sl_quarantine *q, const sl_work *work, const sl_note *note, const char *file,
                              sl_error *err)
{
    const sl_packet *packet = &work->packets[note->packet];
    sl_avro_out *out = &q->line;
    sl_avro_reset(out);
    sl_text_put(out, "{\"file\": ");
    sl_text_put_json_or_null(out, sl_text_of(file));
    sl_text_put(out, ", \"path\": ");
    sl_text_put_json(out, sl_text_of((const char *)work->names.ptr + packet->path));
    sl_text_put(out, ", \"entry\": ");
    sl_text_put_json_or_null(out, sl_text_of((const char *)work->names.ptr + packet->entry));
    sl_text_put(out, ", \"record\": ");
    sl_text_put_u64(out, note->record);
    sl_text_put(out, ", \"records\": ");
    sl_text_put_u64(out, note->n_records);
    sl_text_put(out, ", \"offset\": ");
    sl_text_put_u64(out, packet->offset);
    sl_text_put(out, ", \"reason\": ");
    sl_text_put_json(out, sl_text_of(sl_reason_name(note->reason)));
    sl_text_put(out, ", \"message\": ");
    sl_text_put_json(out, sl_text_of(note->message));
    sl_text_put(out, "}\n");
    if (out->failed) return SL_FAIL_NOMEM(err);
    return fwrite(out->bytes, 1, out->len, q->reasons) == out->len ? SL_OK : fail_reasons(q, err);
}

sl_status sl_quarantine_keep(sl_quarantine *q, const sl_work *work, sl_error *err)
{
    if (q->folder == NULL) return SL_OK;
    char name[MAX_SAFE_NAME + 32] = "";
    size_t kept = SIZE_MAX; /* the packet that `name` keeps */
    for (size_t i = 0; i < work->n_notes; i++) {
        const sl_note *note = &work->notes[i];
        const sl_packet *packet = &work->packets[note->packet];
        if (note->packet != kept) {
            kept = note->packet;
            name[0] = '\0';
            if (packet->n_bytes > 0) {
                const char *names = (const char *)work->names.ptr;
                name_file(++q->n_files, names[packet->entry] != '\0' ? names + packet->entry : names + packet->path, name);
                SL_TRY(write_file(q, name, work->bytes.ptr + packet->at, packet->n_bytes, err));
            }
        }
        SL_TRY(write_reason(q, work, note, name, err));
    }
    return SL_OK;
}

sl_status sl_quarantine_close(sl_quarantine *q, sl_error *err)
{
    sl_status status = SL_OK;
    if (q->reasons != NULL && fclose(q->reasons) != 0) status = fail_reasons(q, err);
    sl_avro_release(&q->line);
    free(q->folder);
    *q = (sl_quarantine){0};
    return status;
}
