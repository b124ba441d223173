/* Packets from files, folders, tars and the simulation; alerts from anything. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "commands.h"

enum { TAR_BLOCK = 512 };

static void *grown(void *array, size_t n, size_t size)
{
    /* Room for a power of two. */
    if (n != 0 && (n & (n - 1)) != 0) return array;
    void *bigger = realloc(array, (n == 0 ? 1 : 2 * n) * size);
    if (bigger == NULL) {
        perror("starling bench");
        exit(4);
    }
    return bigger;
}

static void add_packet(bench_inputs *in, const void *bytes, size_t n_bytes)
{
    unsigned char *copy = malloc(n_bytes + 1);
    if (copy == NULL) return;
    memcpy(copy, bytes, n_bytes);
    in->packets = grown(in->packets, in->n_packets, sizeof *in->packets);
    in->packets[in->n_packets++] = (bench_packet){copy, n_bytes};
}

/* Walk a plain tar: a header block with the size in octal at 124 and the kind at 156, the data, padding. */
static void add_tar(bench_inputs *in, const unsigned char *bytes, size_t n_bytes)
{
    for (size_t at = 0; at + TAR_BLOCK <= n_bytes && bytes[at] != '\0';) {
        char octal[13] = {0};
        memcpy(octal, bytes + at + 124, 12);
        const size_t size = strtoull(octal, NULL, 8);
        const char kind = (char)bytes[at + 156];
        at += TAR_BLOCK;
        if (size > n_bytes - at) return;
        if ((kind == '0' || kind == '\0') && size > 0) add_packet(in, bytes + at, size);
        at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
}

static bool add_file(bench_inputs *in, const char *path)
{
    size_t n_bytes = 0;
    unsigned char *bytes = read_in("bench", path, SIZE_MAX, &n_bytes);
    if (bytes == NULL) return false;
    if (n_bytes > 262 && memcmp(bytes + 257, "ustar", 5) == 0) {
        add_tar(in, bytes, n_bytes);
    } else if (n_bytes > 4 && memcmp(bytes, "Obj\1", 4) == 0) {
        add_packet(in, bytes, n_bytes);
    }
    free(bytes);
    return true;
}

static bool add_path(bench_inputs *in, const char *path)
{
    struct dirent **entries;
    const int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) return add_file(in, path);
    bool well = true;
    for (int i = 0; i < n; i++) {
        char name[4096];
        struct stat st;
        const int len = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (len < (int)sizeof name && stat(name, &st) == 0 && S_ISREG(st.st_mode)) well = add_file(in, name) && well;
        free(entries[i]);
    }
    free(entries);
    return well;
}

/* Keep what the decoder lends only during the call. */
static void add_alert(bench_inputs *in, const sl_alert *alert)
{
    sl_point *points = malloc((alert->n_points + 1) * sizeof *points);
    if (points == NULL) return;
    if (alert->n_points > 0) memcpy(points, alert->points, alert->n_points * sizeof *points);
    in->alerts = grown(in->alerts, in->n_alerts, sizeof *in->alerts);
    sl_alert *copy = &in->alerts[in->n_alerts++];
    *copy = *alert;
    copy->points = points;
    copy->alert_id = copy->object_id = copy->schema_version = (sl_str){"", 0};
}

static sl_status keep_alert(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err)
{
    if (status == SL_OK) {
        add_alert(user, alert);
    } else {
        fprintf(stderr, "starling bench: %zu records left out: %s\n", n, err->message);
    }
    return SL_OK;
}

static bool decode(bench_inputs *in)
{
    sl_alert_decoder *decoder;
    sl_error err;
    sl_status status = sl_alert_decoder_new(&decoder, &err);
    for (size_t i = 0; i < in->n_packets && status == SL_OK; i++) {
        status = sl_alert_decode(decoder, in->packets[i].bytes, in->packets[i].n_bytes, keep_alert, in, &err);
    }
    if (status != SL_OK) fprintf(stderr, "starling bench: %s\n", err.message);
    sl_alert_decoder_free(decoder);
    return status == SL_OK;
}

typedef struct taking {
    bench_inputs *in;
    size_t most;
} taking;

static sl_status take_item(void *user, const sl_read_item *item)
{
    const taking *t = user;
    if (item->alert != NULL) add_alert(t->in, item->alert);
    return t->in->n_alerts < t->most ? SL_OK : SL_DONE;
}

bool bench_inputs_read(bench_inputs *in, const char *const *paths, size_t n_paths, size_t most)
{
    for (size_t i = 0; i < n_paths; i++) {
        if (!add_path(in, paths[i])) return false;
    }
    while (in->n_packets > most) free(in->packets[--in->n_packets].bytes);
    if (in->n_packets > 0) return decode(in);
    sl_error err;
    taking t = {in, most};
    const sl_status status = sl_alerts_read(paths, n_paths, NULL, take_item, &t, &err);
    if (status < 0) fprintf(stderr, "starling bench: %s\n", err.message);
    return status >= 0;
}

bool bench_inputs_simulate(bench_inputs *in, const sl_simulate_options *options)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&bytes, &n_bytes);
    if (out == NULL) return false;
    sl_error err;
    const sl_status status = sl_simulate_write(options, out, &err);
    fclose(out);
    if (status == SL_OK) add_tar(in, (const unsigned char *)bytes, n_bytes);
    if (status != SL_OK) fprintf(stderr, "starling bench: %s\n", err.message);
    free(bytes);
    return status == SL_OK && decode(in);
}

void bench_inputs_free(bench_inputs *in)
{
    for (size_t i = 0; i < in->n_packets; i++) free(in->packets[i].bytes);
    for (size_t i = 0; i < in->n_alerts; i++) free((void *)in->alerts[i].points);
    free(in->packets);
    free(in->alerts);
    *in = (bench_inputs){0};
}

static bool write_whole(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        const ssize_t written = write(fd, at, n);
        if (written <= 0) return false;
        at += written;
        n -= (size_t)written;
    }
    return true;
}

static bool write_tar_member(int fd, size_t number, const bench_packet *p)
{
    static const char zeros[2 * TAR_BLOCK];
    char header[TAR_BLOCK] = {0};
    snprintf(header, 100, "%zu.avro", number);
    snprintf(header + 100, 8, "0000644");
    snprintf(header + 108, 8, "0000000");
    snprintf(header + 116, 8, "0000000");
    snprintf(header + 124, 12, "%011zo", p->n_bytes);
    snprintf(header + 136, 12, "00000000000");
    memset(header + 148, ' ', 8);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++) sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    const size_t padding = (TAR_BLOCK - p->n_bytes % TAR_BLOCK) % TAR_BLOCK;
    return write_whole(fd, header, TAR_BLOCK) && write_whole(fd, p->bytes, p->n_bytes) &&
           write_whole(fd, zeros, padding);
}

int bench_inputs_tar(const bench_inputs *in, size_t n)
{
    static const char end[2 * TAR_BLOCK];
    if (in->n_packets == 0) return -1;
    const int fd = memfd_create("night.tar", MFD_CLOEXEC);
    if (fd < 0) return -1;
    bool well = true;
    for (size_t i = 0; i < n && well; i++) well = write_tar_member(fd, i, &in->packets[i % in->n_packets]);
    if (!well || !write_whole(fd, end, sizeof end)) {
        close(fd);
        return -1;
    }
    return fd;
}
