#include "svg.h"

#include <math.h>
#include <string.h>

#include "json.h"

void html_bytes(FILE *to, const char *text, size_t n)
{
    const unsigned char *c = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        unsigned char room[5] = {0}; /* the character may be cut by the end */
        memcpy(room, c + i, n - i < 4 ? n - i : 4);
        const int bytes = json_character_bytes(room);
        const char *entity = c[i] == '&' ? "&amp;" : c[i] == '<' ? "&lt;" : c[i] == '>' ? "&gt;" : c[i] == '"' ? "&quot;"
                           : c[i] == '\'' ? "&#39;" : bytes == 0 || c[i] < 0x20 || c[i] == 0x7f ? "\xef\xbf\xbd" : NULL;
        if (entity != NULL) {
            fputs(entity, to);
        } else {
            fwrite(c + i, 1, (size_t)bytes, to);
        }
        i += bytes > 0 ? (size_t)bytes : 1;
    }
}

void html_text(FILE *to, const char *text)
{
    html_bytes(to, text, strlen(text));
}

void svg_begin(FILE *to, double width, double height, const char *label)
{
    fprintf(to, "<svg viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" role=\"img\" aria-label=\"", width, height, width,
            height);
    html_text(to, label);
    fputs("\">\n", to);
}

void svg_end(FILE *to)
{
    fputs("</svg>\n", to);
}

void svg_text(FILE *to, double x, double y, const char *anchor, const char *class, const char *text)
{
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, class);
    html_text(to, text);
    fputs("</text>\n", to);
}

void svg_line(FILE *to, double x0, double y0, double x1, double y1, const char *class)
{
    fprintf(to, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x0, y0, x1, y1, class);
}

void svg_path(FILE *to, size_t n, const double *x, const double *y, const char *class, const char *title)
{
    fprintf(to, "<path class=\"%s\" d=\"", class);
    bool down = false; /* the pen */
    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i])) {
            down = false;
            continue;
        }
        fprintf(to, "%c%.1f %.1f", down ? 'L' : 'M', x[i], y[i]);
        down = true;
    }
    fputs("\">", to);
    if (title != NULL) {
        fputs("<title>", to);
        html_text(to, title);
        fputs("</title>", to);
    }
    fputs("</path>\n", to);
}

void svg_band(FILE *to, size_t n, const double *x, const double *low, const double *high, const char *class)
{
    for (size_t first = 0, stop; first < n; first = stop + 1) {
        for (stop = first; stop < n && !isnan(low[stop]) && !isnan(high[stop]);) stop++;
        if (stop == first) continue;
        fprintf(to, "<path class=\"%s\" d=\"", class);
        for (size_t i = first; i < stop; i++) fprintf(to, "%c%.1f %.1f", i == first ? 'M' : 'L', x[i], high[i]);
        for (size_t i = stop; i-- > first;) fprintf(to, "L%.1f %.1f", x[i], low[i]);
        fputs("Z\"/>\n", to);
    }
}

double chart_x(const chart *c, double value)
{
    return c->left + c->width * (value - c->x0) / (c->x1 - c->x0);
}

double chart_y(const chart *c, double value)
{
    return c->top + c->height * (c->y1 - value) / (c->y1 - c->y0);
}

/* 1, 2 or 5 times a power of ten, so that about n steps fill the range. */
static double round_step(double range, int n)
{
    const double bare = range / n, power = pow(10, floor(log10(bare))), lead = bare / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static void number_text(double x, double step, bool percent, char *to, size_t size)
{
    const double shown = percent ? 100 * x : x, shown_step = percent ? 100 * step : step;
    const int digits = shown_step >= 1 ? 0 : (int)ceil(-log10(shown_step) - 1e-9);
    snprintf(to, size, "%.*f%s", digits, shown == 0 ? 0.0 : shown, percent ? "%" : "");
}

void chart_x_axis(const chart *c, int n, bool percent, const char *title)
{
    const double step = round_step(c->x1 - c->x0, n), bottom = c->top + c->height;
    for (double i = ceil(c->x0 / step - 1e-9); i * step <= c->x1 + 1e-9 * step; i++) {
        char text[32];
        number_text(i * step, step, percent, text, sizeof text);
        const double x = chart_x(c, i * step);
        svg_line(c->to, x, c->top, x, bottom, "grid");
        svg_text(c->to, x, bottom + 15, "middle", "tick", text);
    }
    if (title != NULL) svg_text(c->to, c->left + c->width / 2, bottom + 33, "middle", "label", title);
}

void chart_y_axis(const chart *c, int n, bool percent, const char *title)
{
    const double step = round_step(c->y1 - c->y0, n);
    for (double i = ceil(c->y0 / step - 1e-9); i * step <= c->y1 + 1e-9 * step; i++) {
        char text[32];
        number_text(i * step, step, percent, text, sizeof text);
        const double y = chart_y(c, i * step);
        svg_line(c->to, c->left, y, c->left + c->width, y, "grid");
        svg_text(c->to, c->left - 7, y + 4, "end", "tick", text);
    }
    if (title != NULL) svg_text(c->to, c->left, c->top - 10, "start", "label", title);
}
