#include "alert/schema_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alert/container.h"
#include "base/error.h"
#include "base/file.h"

enum { MAX_PATH = 4096 };

typedef struct member {
    uint32_t id;
    sl_plan plan;
} member;

struct sl_schema_set {
    atomic_size_t users;
    member *members;
    size_t n, size;
};

sl_schema_set *sl_schema_set_use(sl_schema_set *set)
{
    if (set != NULL) atomic_fetch_add(&set->users, 1);
    return set;
}

void sl_schema_set_leave(sl_schema_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->users, 1) != 1) return;
    for (size_t i = 0; i < set->n; i++) sl_plan_release(&set->members[i].plan);
    free(set->members);
    free(set);
}

const sl_plan *sl_schema_set_find(const sl_schema_set *set, uint32_t id, size_t nth)
{
    for (size_t i = 0; set != NULL && i < set->n; i++) {
        if (set->members[i].id == id && nth-- == 0) return &set->members[i].plan;
    }
    return NULL;
}

/* Takes the plan. */
static sl_status add_member(sl_schema_set *set, uint32_t id, sl_plan *plan, sl_error *err)
{
    /* The same again (many packets of one version) adds nothing. */
    for (size_t i = 0; i < set->n; i++) {
        const sl_plan *old = &set->members[i].plan;
        if (set->members[i].id == id && old->n_ops == plan->n_ops && old->survey == plan->survey &&
            memcmp(old->ops, plan->ops, plan->n_ops * sizeof *plan->ops) == 0) {
            sl_plan_release(plan);
            return SL_OK;
        }
    }
    if (set->n == set->size) {
        const size_t size = set->size > 0 ? 2 * set->size : 16;
        member *more = realloc(set->members, size * sizeof *more);
        if (more == NULL) {
            sl_plan_release(plan);
            return SL_FAIL_NOMEM(err);
        }
        set->members = more;
        set->size = size;
    }
    set->members[set->n++] = (member){id, *plan};
    return SL_OK;
}

/* The number that text begins with; false without one, or beyond 32 bits. */
static bool leading_number(const char *text, uint32_t *number)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || value > UINT32_MAX) return false;
    *number = (uint32_t)value;
    return true;
}

/* 100 major + minor of "...vMAJOR_MINOR", else the number the file's name begins with. */
static bool find_id(const sl_plan *plan, const char *file_name, uint32_t *id)
{
    unsigned major, minor;
    const char *v = strstr(plan->version, ".v");
    if (v != NULL && sscanf(v, ".v%4u_%2u", &major, &minor) == 2) {
        *id = 100 * major + minor;
        return true;
    }
    return leading_number(file_name, id);
}

/* Compile, and keep it where it is an alert's schema with an id. */
static sl_status add_schema(sl_schema_set *set, const sl_avro_schema *schema, const char *file_name, sl_error *err)
{
    sl_plan plan;
    sl_error local = {0};
    const sl_status status = sl_plan_compile(&plan, schema, &local);
    if (local.reason == SL_REASON_NOT_AN_ALERT) return SL_OK;
    if (status != SL_OK) {
        if (err != NULL) *err = local;
        return status;
    }
    uint32_t id;
    if (!find_id(&plan, file_name, &id)) {
        sl_plan_release(&plan);
        return SL_OK;
    }
    return add_member(set, id, &plan, err);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A folder's files, sorted, and for each schema of the library the file it came from. */
typedef struct loading {
    sl_schema_set *set;
    sl_avro_library *library;
    const char *folder;
    struct dirent **files;
    int n_files;
} loading;

/* The writer's schema of a container. */
static sl_status load_container(loading *l, const sl_file *file, const char *name, sl_error *err)
{
    sl_container_header header;
    sl_avro_schema schema;
    size_t used;
    SL_TRY(sl_container_read_header(&header, file->bytes, file->n_bytes, &used, err));
    SL_TRY(sl_avro_schema_parse(&schema, (const char *)header.schema, header.n_schema, err));
    const sl_status status = add_schema(l->set, &schema, name, err);
    sl_avro_schema_release(&schema);
    return status;
}

/* First round: containers at once, .avsc files into the library; *n_added tells how many of those. */
static sl_status load_file(loading *l, const char *name, size_t *n_added, sl_error *err)
{
    char path[MAX_PATH];
    sl_file file;
    *n_added = 0;
    if (snprintf(path, sizeof path, "%s/%s", l->folder, name) >= (int)sizeof path) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "%s: the path is too long", name);
    }
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) return SL_OK;
    SL_TRY(sl_file_open(&file, path, (size_t)1 << 30, err));
    sl_status status = SL_OK;
    if (ends_with(name, ".avsc")) {
        const size_t before = sl_avro_library_size(l->library);
        status = sl_avro_library_add(l->library, (const char *)file.bytes, file.n_bytes, err);
        *n_added = sl_avro_library_size(l->library) - before;
    } else if (sl_container_is(file.bytes, file.n_bytes)) {
        status = load_container(l, &file, name, err);
    }
    if (status != SL_OK) sl_error_prefix(err, "%s", name);
    sl_file_close(&file);
    return status;
}

/* Second round, when all names are known. */
static sl_status load_library(loading *l, const size_t *n_added, sl_error *err)
{
    size_t at = 0;
    for (int i = 0; i < l->n_files; i++) {
        for (size_t k = 0; k < n_added[i]; k++, at++) {
            const char *name = l->files[i]->d_name;
            sl_avro_schema schema;
            sl_status status = sl_avro_library_schema(l->library, at, &schema, err);
            if (status == SL_OK) {
                status = add_schema(l->set, &schema, name, err);
                sl_avro_schema_release(&schema);
            }
            if (status != SL_OK) {
                sl_error_prefix(err, "%s", name);
                return status;
            }
        }
    }
    return SL_OK;
}

static sl_status load_files(loading *l, sl_error *err)
{
    size_t *n_added = calloc((size_t)l->n_files + 1, sizeof *n_added);
    sl_status status = n_added != NULL ? SL_OK : SL_FAIL_NOMEM(err);
    for (int i = 0; status == SL_OK && i < l->n_files; i++) {
        const char *name = l->files[i]->d_name;
        if (name[0] == '.') continue;
        status = load_file(l, name, &n_added[i], err);
    }
    if (status == SL_OK) status = load_library(l, n_added, err);
    if (status == SL_OK && l->set->n == 0) {
        status = SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NOT_AN_ALERT,
                         "%s has no alert schema with an id: neither .avsc files nor Avro containers", l->folder);
    }
    free(n_added);
    return status;
}

sl_status sl_schema_set_load(sl_schema_set **out, const char *folder, sl_error *err)
{
    loading l = {.folder = folder};
    l.set = calloc(1, sizeof *l.set);
    if (l.set == NULL) return SL_FAIL_NOMEM(err);
    atomic_init(&l.set->users, 1);
    sl_status status = sl_avro_library_new(&l.library, err);
    if (status != SL_OK) goto out;
    l.n_files = scandir(folder, &l.files, NULL, alphasort);
    if (l.n_files < 0) {
        status = SL_FAIL(err, SL_ERR_IO, SL_REASON_UNREADABLE, "cannot read the schema folder %s: %s", folder,
                         strerror(errno));
        goto out;
    }
    status = load_files(&l, err);
out:
    for (int i = 0; i < l.n_files; i++) free(l.files[i]);
    free(l.files);
    sl_avro_library_free(l.library);
    if (status != SL_OK) {
        sl_schema_set_leave(l.set);
        return status;
    }
    *out = l.set;
    return SL_OK;
}
