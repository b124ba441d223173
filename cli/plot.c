#include "plot.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 14 };

typedef struct range {
    double low, high;
} range;

static void widen(range *r, double x)
{
    r->low = fmin(r->low, x);
    r->high = fmax(r->high, x);
}

/* Where x lies in the range, as one of n cells. */
static int cell(const range *r, double x, int n)
{
    const double share = r->high > r->low ? (x - r->low) / (r->high - r->low) : 0.5;
    return (int)(share * (n - 1) + 0.5);
}

static bool is_drawn(const sl_point *p, uint8_t unit)
{
    return p->kind != SL_POINT_LIMIT && p->unit == unit && isfinite(p->time) && isfinite(p->value);
}

/* ZTF's detections are magnitudes and its forced photometry fluxes: the detections' unit is drawn. */
static uint8_t unit_of(const sl_point *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (points[i].kind == SL_POINT_DETECTION) return points[i].unit;
    }
    return n > 0 ? points[0].unit : SL_UNIT_FLUX;
}

/* A row without the blanks at its end. */
static void print_row(FILE *to, const char *label, const char *row)
{
    int length = WIDTH;
    while (length > 0 && row[length - 1] == ' ') length--;
    fprintf(to, "  %10s |%.*s\n", label, length, row);
}

void plot_light_curve(FILE *to, const sl_point *points, size_t n)
{
    const uint8_t unit = unit_of(points, n);
    range time = {INFINITY, -INFINITY}, value = time;
    size_t drawn = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_drawn(&points[i], unit)) continue;
        widen(&time, points[i].time);
        widen(&value, points[i].value);
        drawn++;
    }
    if (drawn < 2) return;
    char canvas[HEIGHT][WIDTH], label[32];
    memset(canvas, ' ', sizeof canvas);
    for (size_t i = 0; i < n; i++) {
        if (!is_drawn(&points[i], unit)) continue;
        const int down = cell(&value, points[i].value, HEIGHT);
        canvas[unit == SL_UNIT_MAG ? down : HEIGHT - 1 - down][cell(&time, points[i].time, WIDTH)] = points[i].band;
    }
    const double top = unit == SL_UNIT_MAG ? value.low : value.high;
    const double bottom = unit == SL_UNIT_MAG ? value.high : value.low;
    for (int row = 0; row < HEIGHT; row++) {
        label[0] = '\0';
        if (row == 0 || row == HEIGHT - 1) snprintf(label, sizeof label, "%.5g", row == 0 ? top : bottom);
        if (row == HEIGHT / 2) snprintf(label, sizeof label, "%s", unit == SL_UNIT_MAG ? "mag" : "flux");
        print_row(to, label, canvas[row]);
    }
    fprintf(to, "  %10s +", "");
    for (int i = 0; i < WIDTH; i++) fputc('-', to);
    fprintf(to, "\n  %10s  0%*.1f days\n", "", WIDTH - 1, time.high - time.low);
}
