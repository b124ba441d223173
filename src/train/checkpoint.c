#include "train/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

/* Header, state, five vectors of n_params: params, m, v, average, best. In the machine's byte order. */
typedef struct header {
    char magic[8];
    uint64_t run, n_params;
    uint64_t hash; /* of all behind it */
    sl_train_state state;
} header;

static const char magic[8] = "STLGCKP1";
enum { VECTORS = 5 };

uint64_t sl_hash_more(uint64_t hash, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_of(const void *bytes, size_t n_bytes)
{
    const size_t from = offsetof(header, state);
    return sl_hash_more(SL_HASH_START, (const char *)bytes + from, n_bytes - from);
}

sl_status sl_checkpoint_write(const char *path, uint64_t run, const sl_train_state *state, const sl_learner *l,
                              const float *best, sl_error *err)
{
    const size_t n = l->net->n_params, n_bytes = sizeof(header) + VECTORS * n * sizeof(float);
    header *head = calloc(1, n_bytes);
    if (head == NULL) return SL_FAIL_NOMEM(err);
    memcpy(head->magic, magic, sizeof magic);
    head->run = run;
    head->n_params = n;
    head->state = *state;
    float *to = (float *)(head + 1);
    const float *vectors[VECTORS] = {l->net->params, l->m, l->v, l->average, best};
    for (size_t i = 0; i < VECTORS; i++) memcpy(to + i * n, vectors[i], n * sizeof *to);
    head->hash = hash_of(head, n_bytes);
    const sl_status status = sl_file_write(path, head, n_bytes, err);
    free(head);
    return status;
}

static sl_status take(const sl_file *file, uint64_t run, sl_train_state *state, sl_learner *l, float *best, sl_error *err)
{
    const size_t n = l->net->n_params, n_bytes = sizeof(header) + VECTORS * n * sizeof(float);
    header head;
    if (file->n_bytes < sizeof head) return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "checkpoint is cut");
    memcpy(&head, file->bytes, sizeof head);
    if (memcmp(head.magic, magic, sizeof magic) != 0) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "this is no checkpoint");
    }
    if (head.run != run || head.n_params != n) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "the checkpoint is of a run with other options or data");
    }
    if (file->n_bytes != n_bytes || head.hash != hash_of(file->bytes, n_bytes)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "the checkpoint is damaged");
    }
    float *vectors[VECTORS] = {l->net->params, l->m, l->v, l->average, best};
    const unsigned char *from = file->bytes + sizeof head;
    for (size_t i = 0; i < VECTORS; i++) memcpy(vectors[i], from + i * n * sizeof(float), n * sizeof(float));
    *state = head.state;
    l->step = head.state.step;
    sl_train_net_turn(l->net);
    return SL_OK;
}

sl_status sl_checkpoint_read(const char *path, uint64_t run, sl_train_state *state, sl_learner *learner, float *best,
                             sl_error *err)
{
    if (access(path, F_OK) != 0 && errno == ENOENT) return SL_DONE;
    sl_file file;
    SL_TRY(sl_file_open(&file, path, (size_t)8 << 30, err));
    const sl_status status = take(&file, run, state, learner, best, err);
    if (status != SL_OK) sl_error_prefix(err, "%s", path);
    sl_file_close(&file);
    return status;
}
