/* What a process costs that does one thing and ends. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { LIVES = 12, WARM_UP = 2, POINTS = 20 };

/* One packet that any contract takes, as a file in memory; -1 where that failed. */
static int make_packet(void)
{
    sl_simulate_options night;
    sl_simulate_defaults(&night);
    night.form = SL_SIMULATE_CONTAINER;
    night.n_alerts = 1;
    night.min_points = night.max_points = POINTS;
    const int fd = memfd_create("packet.avro", MFD_CLOEXEC);
    FILE *out = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
    bool well = out != NULL && sl_simulate_write(&night, out, NULL) == SL_OK;
    if (out != NULL && fclose(out) != 0) well = false;
    if (well) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static void silence(void)
{
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0) _exit(127);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
}

/* This program, once, on one packet: microseconds and peak memory. */
static bool live_once(const char *model, const char *packet, double *us, double *kb)
{
    const double start = bench_now_us();
    const pid_t child = fork();
    if (child == 0) {
        silence();
        execl("/proc/self/exe", "starling", "classify", "-q", "--strict", "-m", model, packet, (char *)NULL);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return false;
    *us = bench_now_us() - start;
    *kb = (double)usage.ru_maxrss;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static double first_answer(const char *path)
{
    const double start = bench_now_us();
    sl_model *model;
    sl_runner *runner;
    if (sl_model_open(path, &model, NULL) < 0 || sl_runner_new(model, &runner, NULL) < 0) return NAN;
    const sl_contract *c = sl_model_contract(model);
    float *input = calloc(sl_contract_input_floats(c), sizeof *input);
    float *p = calloc(c->n_classes, sizeof *p);
    if (input == NULL || p == NULL || sl_runner_run(runner, 1, input, p, NULL) < 0) return NAN;
    const double us = bench_now_us() - start;
    free(input);
    free(p);
    sl_runner_free(runner);
    sl_model_close(model);
    return us;
}

/* The first answer in a process that has never given one. */
static bool answer_once(const char *model, double *us)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
        const double answer = first_answer(model);
        _exit(write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
    }
    close(ends[1]);
    const bool read_well = child > 0 && read(ends[0], us, sizeof *us) == sizeof *us;
    close(ends[0]);
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && read_well && !isnan(*us);
}

void bench_run_cold(const bench_options *options, bench_cold *out)
{
    double us[LIVES], kb[LIVES], answer[LIVES];
    size_t n = 0;
    *out = (bench_cold){NAN, NAN, NAN};
    const int fd = options->model != NULL && !options->warm_only ? make_packet() : -1;
    if (fd < 0) return;
    char packet[64];
    snprintf(packet, sizeof packet, "/proc/%ld/fd/%d", (long)getpid(), fd);
    for (int i = 0; i < WARM_UP + LIVES; i++) {
        const size_t at = i < WARM_UP ? 0 : n;
        if (!live_once(options->model, packet, &us[at], &kb[at]) || !answer_once(options->model, &answer[at])) break;
        if (i < WARM_UP) continue;
        n++;
    }
    close(fd);
    out->start_us = bench_quantile(us, n, 0.5);
    out->peak_kb = bench_quantile(kb, n, 0.5);
    out->first_answer_us = bench_quantile(answer, n, 0.5);
}
