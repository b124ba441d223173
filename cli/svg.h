/*
 * cli/svg.h - drawing for pages: text that is safe in HTML, and charts in SVG.
 * Colours are classes and variables of the page's style, so that one page
 * suits a light and a dark screen.
 */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Text as it may stand in HTML and in attributes: names come from files. What is no UTF-8 becomes U+FFFD. */
void html_text(FILE *to, const char *text);
/* The same of n bytes. */
void html_bytes(FILE *to, const char *text, size_t n);

/* A drawing of that size; `label` says what it shows, for who cannot see it. */
void svg_begin(FILE *to, double width, double height, const char *label);
void svg_end(FILE *to);
/* `anchor`: "start", "middle", "end". */
void svg_text(FILE *to, double x, double y, const char *anchor, const char *class, const char *text);
void svg_line(FILE *to, double x0, double y0, double x1, double y1, const char *class);
/* A line through n points; where y is NaN it breaks. */
void svg_path(FILE *to, size_t n, const double *x, const double *y, const char *class, const char *title);
/* The area between two lines; pieces where both are there. */
void svg_band(FILE *to, size_t n, const double *x, const double *low, const double *high, const char *class);

/* A plot inside a drawing: the rectangle, and what its sides mean. */
typedef struct chart {
    FILE *to;
    double left, top, width, height; /* of the rectangle */
    double x0, x1, y0, y1;           /* values at its sides; y1 is at the top */
} chart;

double chart_x(const chart *c, double value);
double chart_y(const chart *c, double value);
/* Lines and numbers at round values, about n of them. `percent`: 0.5 is told as 50 %. */
void chart_x_axis(const chart *c, int n, bool percent, const char *title);
void chart_y_axis(const chart *c, int n, bool percent, const char *title);

#endif
