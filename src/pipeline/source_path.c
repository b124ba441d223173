/* Files, folders and standard input. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "pipeline/source.h"

enum { MAX_FOLDERS_DEEP = 64, LOOK_UP_MS = 200 };

typedef struct opened_file {
    const char *path;
    int fd;
    bool may_wait; /* a pipe or terminal: look up now and then whether the run was stopped */
    sl_feed *feed;
} opened_file;

static ptrdiff_t read_file(void *user, void *buf, size_t n, sl_error *err)
{
    const opened_file *file = user;
    struct pollfd waiting = {.fd = file->fd, .events = POLLIN};
    while (file->may_wait && poll(&waiting, 1, LOOK_UP_MS) <= 0) {
        if (sl_line_stopped(file->feed->line)) return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "stopped");
    }
    for (;;) {
        const ssize_t got = read(file->fd, buf, n);
        if (got >= 0) {
            atomic_fetch_add(&file->feed->bytes_read, (uint64_t)got);
            return got;
        }
        if (errno == EINTR) continue;
        return SL_FAIL(err, SL_ERR_IO, SL_REASON_UNREADABLE, "cannot read %s: %s", file->path, strerror(errno));
    }
}

static sl_status give_unreadable(sl_source *source, const char *path, const char *why_not, sl_error *err)
{
    sl_error why;
    (void)SL_FAIL(&why, SL_ERR_IO, SL_REASON_UNREADABLE, "%s: %s", path, why_not);
    return sl_feed_broken(source->feed, &(sl_origin){.path = path}, NULL, 0, 1, &why, err);
}

static sl_status read_open(sl_source *source, const char *path, int fd, sl_error *err)
{
    struct stat st;
    opened_file file = {
        .path = path,
        .fd = fd,
        .may_wait = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode),
        .feed = source->feed,
    };
    sl_stream stream = {.read = read_file, .user = &file, .fd = -1};
    return sl_source_stream(source, &(sl_origin){.path = path}, &stream, 0, err);
}

static sl_status read_path(sl_source *source, const char *path, sl_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return give_unreadable(source, path, strerror(errno), err);
    const sl_status status = read_open(source, path, fd, err);
    close(fd);
    return status;
}

/* The names in a folder, one terminated behind the other, and where each begins. */
typedef struct listing {
    sl_bytes text;
    sl_bytes starts; /* of const char *, set once text is complete */
    size_t n;
} listing;

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names that begin with a dot are the system's, not data. SL_ERR_IO (errno is set) or SL_ERR_NOMEM. */
static sl_status list_folder(const char *path, listing *names)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return SL_ERR_IO;
    sl_status status = SL_OK;
    for (struct dirent *entry; status == SL_OK && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        const size_t n = strlen(entry->d_name) + 1;
        unsigned char *room = sl_bytes_room(&names->text, n);
        if (room == NULL) {
            status = SL_ERR_NOMEM;
            break;
        }
        memcpy(room, entry->d_name, n);
        names->text.len += n;
        names->n++;
    }
    closedir(folder);
    if (status < 0 || names->n == 0) return status;
    const char **starts = (const char **)(void *)sl_bytes_room(&names->starts, names->n * sizeof *starts);
    if (starts == NULL) return SL_ERR_NOMEM;
    const char *at = (const char *)names->text.ptr;
    for (size_t i = 0; i < names->n; i++) {
        starts[i] = at;
        at += strlen(at) + 1;
    }
    qsort(starts, names->n, sizeof *starts, compare_names);
    return SL_OK;
}

static void free_listing(listing *names)
{
    free(names->text.ptr);
    free(names->starts.ptr);
}

/* What a walk does at each file; `folder_failed` tells a folder that would not open. */
typedef struct visitor {
    sl_status (*file)(void *user, const char *path, sl_error *err);
    sl_status (*folder_failed)(void *user, const char *path, const char *why_not, sl_error *err);
    void *user;
} visitor;

static sl_status walk(const visitor *v, const char *path, int depth, sl_error *err);

/* A link to a file is that file; a link to a folder is not followed, or a walk might not end. */
static sl_status walk_child(const visitor *v, const char *folder, const char *name, int depth, sl_error *err)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *path = malloc(n);
    if (path == NULL) return SL_FAIL_NOMEM(err);
    const bool slash = folder[0] != '\0' && folder[strlen(folder) - 1] == '/';
    snprintf(path, n, "%s%s%s", folder, slash ? "" : "/", name);
    struct stat st, link;
    sl_status status = SL_OK;
    const bool there = stat(path, &st) == 0, is_link = lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    if (there && S_ISDIR(st.st_mode)) {
        if (!is_link) status = walk(v, path, depth + 1, err);
    } else if (there && !S_ISREG(st.st_mode)) {
        status = v->folder_failed(v->user, path, "neither a file nor a folder", err);
    } else {
        status = v->file(v->user, path, err);
    }
    free(path);
    return status;
}

static sl_status walk(const visitor *v, const char *path, int depth, sl_error *err)
{
    if (depth > MAX_FOLDERS_DEEP) return v->folder_failed(v->user, path, "folders nested too deep", err);
    listing names = {0};
    sl_status status = list_folder(path, &names);
    if (status == SL_ERR_NOMEM) {
        status = SL_FAIL_NOMEM(err);
    } else if (status == SL_ERR_IO) {
        status = v->folder_failed(v->user, path, strerror(errno), err);
    } else {
        const char *const *starts = (const char *const *)(void *)names.starts.ptr;
        for (size_t i = 0; status == SL_OK && i < names.n; i++) status = walk_child(v, path, starts[i], depth, err);
    }
    free_listing(&names);
    return status;
}

static sl_status visit_file(void *user, const char *path, sl_error *err)
{
    return read_path(user, path, err);
}

static sl_status visit_failed(void *user, const char *path, const char *why_not, sl_error *err)
{
    return give_unreadable(user, path, why_not, err);
}

sl_status sl_source_path(sl_source *source, const char *path, sl_error *err)
{
    if (strcmp(path, "-") == 0) return read_open(source, "-", STDIN_FILENO, err);
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return read_path(source, path, err);
    return walk(&(visitor){visit_file, visit_failed, source}, path, 0, err);
}

/* ---- how much there is to read ---- */

static sl_status measure_file(void *user, const char *path, sl_error *err)
{
    (void)err;
    struct stat st;
    if (stat(path, &st) == 0) *(uint64_t *)user += (uint64_t)st.st_size;
    return SL_OK;
}

static sl_status measure_nothing(void *user, const char *path, const char *why_not, sl_error *err)
{
    (void)user, (void)path, (void)why_not, (void)err;
    return SL_OK;
}

sl_status sl_source_measure(const char *path, bool sizes, uint64_t *total, bool *known, sl_error *err)
{
    struct stat st;
    if ((strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st)) != 0) {
        return SL_FAIL(err, SL_ERR_IO, SL_REASON_UNREADABLE, "cannot read %s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return sizes ? walk(&(visitor){measure_file, measure_nothing, total}, path, 0, err) : SL_OK;
    }
    if (S_ISREG(st.st_mode)) {
        *total += (uint64_t)st.st_size;
    } else {
        *known = false;
    }
    return SL_OK;
}
