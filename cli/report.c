/* The page of starling evaluate --report: one file, no scripts, nothing from elsewhere. */
#include "report.h"

#include <math.h>
#include <string.h>

#include "commands.h"
#include "svg.h"

static const char *const style[] = {
    ":root{color-scheme:light dark;--ground:#fbfbf9;--card:#ffffff;--ink:#1d2330;--soft:#667085;--line:#e4e6ea;"
    "--cell:#f1f2f4;--main:#2f6fd6;--other:#d97a1f;--miss:#d2553f;--good:#26905a;--count:#cfd6e2;--on:#ffffff}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#12151b;--card:#191d25;--ink:#e6e9ef;--soft:#98a2b3;--line:#2b313c;"
    "--cell:#20252e;--main:#6ea2f7;--other:#f0a24e;--miss:#e8735c;--good:#4cc38a;--count:#363e4c;--on:#0f1218}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;font-variant-numeric:tabular-nums}\n"
    "main{max-width:1220px;margin:0 auto;padding:36px 24px 64px}h1{font-size:27px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}"
    "h2{font-size:19px;margin:44px 0 4px}h3{font-size:15px;margin:22px 0 8px}p{margin:0 0 12px;max-width:104ch}"
    ".lead,.note{color:var(--soft)}.note{font-size:13px}code{font:13px ui-monospace,monospace}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(176px,1fr));gap:14px;margin:24px 0 8px}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px 12px}"
    ".card h4{margin:0;font-size:13px;font-weight:500;color:var(--soft)}.card b{display:block;font-size:29px;line-height:1.25;"
    "font-weight:650;letter-spacing:-.02em}.card span{font-size:12.5px;color:var(--soft);display:block}"
    ".card .second{color:var(--other)}\n"
    ".row{display:flex;flex-wrap:wrap;gap:14px}.inline{vertical-align:middle}figure{min-width:0;margin:0;background:var(--card);border:1px solid "
    "var(--line);border-radius:12px;padding:14px}figure svg{display:block;max-width:100%;height:auto}"
    "figcaption{font-size:13px;color:var(--soft);max-width:346px;padding:4px 2px 0}figcaption b{color:var(--ink);font-weight:600}\n"
    "table{border-collapse:separate;font-size:13.5px;background:var(--card);border:1px solid var(--line);border-radius:12px;"
    "border-spacing:0;overflow:hidden;align-self:flex-start}th{font-weight:500;color:var(--soft);text-align:right;padding:9px 12px;white-space:nowrap}"
    "td{text-align:right;padding:5px 12px;border-top:1px solid var(--line);white-space:nowrap}td:first-child,th:first-child"
    "{text-align:left}tbody tr:hover td{background:var(--cell)}td small{color:var(--soft)}.scroll{overflow-x:auto}"
    ".key td:nth-child(2),.key th:nth-child(2),.figures td:last-child{text-align:left}.key td{padding:3px 10px}\n",
    "svg text{font-size:12px;fill:var(--ink)}svg .tick{fill:var(--soft);font-size:11.5px}svg .label{fill:var(--soft)}"
    "svg .name{font-size:12px}.grid{stroke:var(--line)}.base{stroke:var(--soft);stroke-width:1}.guide{stroke:var(--soft);"
    "stroke-dasharray:4 4}.thin{vector-effect:non-scaling-stroke;stroke-width:1.5}.thick{vector-effect:non-scaling-stroke;stroke-width:4}"
    ".good{stroke:var(--good)}.bad{stroke:var(--miss)}\n"
    ".cell{fill:var(--cell)}.hit{fill:var(--main)}.miss{fill:var(--miss)}svg .in{fill:var(--on);font-weight:600}svg .out{fill:"
    "var(--ink)}g:hover>.cell{stroke:var(--ink)}\n"
    ".bar{fill:var(--main);fill-opacity:.72}.bar.other{fill:var(--other)}.whisker{stroke:var(--ink);stroke-width:1.4;"
    "stroke-opacity:.75}.whisker.other{stroke:var(--other)}.precision{fill:var(--card);stroke:var(--other);stroke-width:2}"
    ".recall{fill:var(--other)}.count{fill:var(--count)}\n"
    ".line{fill:none;stroke:var(--main);stroke-width:2.2;stroke-linejoin:round}.line.other{stroke:var(--other)}.band{fill:var(--main);"
    "fill-opacity:.17}.band.other{fill:var(--other)}.dot{fill:var(--main);stroke:var(--card);stroke-width:1.2}.dot.other{fill:"
    "var(--other)}\n"
    ".curve{fill:none;stroke-width:1.8;stroke-linejoin:round}.curve:hover{stroke-width:3.5}.k{transition:opacity .12s}\n"
    ".panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(214px,1fr));gap:12px}.panel{padding:9px}.panel svg{width:"
    "100%}.panel span{font-size:12px}.wrong{color:var(--miss)!important}.trace{fill:none;stroke-width:1.7}\n"
    "footer{margin-top:44px;border-top:1px solid var(--line);padding-top:14px;color:var(--soft);font-size:13px}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:0;font-size:13px}dt{color:var(--soft)}dd{margin:0}\n"
    "@media print{body{background:#fff}figure,.card,table{break-inside:avoid}}\n",
};

/* Hues that lie apart, alternately dark and light; they serve both grounds. */
static const char *const class_colors[CLASS_COLORS] = {"#3b7dd8", "#e0752d", "#3a9d5d", "#c4485c", "#8a63d2", "#a8842c",
                                                       "#28a2a8", "#d363a8", "#6b7a90", "#7fae2e", "#4c57c9", "#e39a86",
                                                       "#1f7a6b", "#b58bd9", "#9c5a2e", "#58b7e0"};
/* Bands from blue to red. */
static const char *const band_colors[6] = {"#8a5be0", "#3c86d9", "#2e9e78", "#c79a22", "#dc6d2c", "#c23b4b"};

static void put_style(FILE *to)
{
    fprintf(to, "<style>\n%s%s", style[0], style[1]);
    for (int i = 0; i < CLASS_COLORS; i++) fprintf(to, ".s%d{stroke:%s}", i, class_colors[i]);
    for (int i = 0; i < 6; i++) {
        fprintf(to, ".trace.b%d{stroke:%s}circle.b%d{fill:%s}.t%d{color:%s}", i, band_colors[i], i, band_colors[i], i,
                band_colors[i]);
    }
    fputs("\n</style>\n", to);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void put_head(FILE *to, const evaluation *e)
{
    char a[32], b[32];
    const judged *j = &e->judged[0];
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>", to);
    html_text(to, base_name(j->path));
    fputs(", evaluated</title>\n", to);
    put_style(to);
    fputs("</head>\n<body>\n<main>\n<h1>", to);
    html_text(to, base_name(j->path));
    fputs("</h1>\n<p class=\"lead\">", to);
    const row_set *s = &e->sets[main_set(e)];
    fprintf(to, "%u classes, %s weights, judged on %s %s of ", j->info.n_classes, show_count(j->info.n_parameters, a),
            show_count(s->n, b), set_title(main_set(e)));
    html_text(to, base_name(e->wishes->data));
    if (e->wishes->has_fold) fprintf(to, ", fold %llu of %llu", (unsigned long long)e->wishes->fold, (unsigned long long)e->wishes->folds);
    if (e->n_judged > 1) {
        fputs("; beside <b style=\"color:var(--other)\">", to);
        html_text(to, base_name(e->judged[1].path));
        fputs("</b>", to);
    }
    fputs("</p>\n", to);
}

static void put_card(FILE *to, const evaluation *e, int set, sl_figure figure, bool percent)
{
    const double scale = percent ? 100 : 1;
    const int digits = percent ? 1 : 3;
    const char *unit = percent ? "%" : "";
    fprintf(to, "<div class=\"card\"><h4>%s</h4>", figure_title(figure));
    for (size_t m = 0; m < e->n_judged; m++) {
        const sl_interval *x = &e->judged[m].scores[set]->figure[figure];
        fprintf(to, "<b%s>%.*f%s</b>", m > 0 ? " class=\"second\"" : "", digits, scale * x->value, unit);
        if (!isnan(x->low)) fprintf(to, "<span>%.*f to %.*f</span>", digits, scale * x->low, digits, scale * x->high);
    }
    fputs("</div>\n", to);
}

static void put_cards(FILE *to, const evaluation *e, int set)
{
    fputs("<div class=\"cards\">\n", to);
    put_card(to, e, set, SL_FIGURE_LOG_LOSS, false);
    put_card(to, e, set, SL_FIGURE_ACCURACY, true);
    put_card(to, e, set, SL_FIGURE_F1, false);
    put_card(to, e, set, SL_FIGURE_ROC_AREA, false);
    put_card(to, e, set, SL_FIGURE_PR_AREA, false);
    put_card(to, e, set, SL_FIGURE_ECE_SHARES, true);
    fputs("</div>\n", to);
}

static void put_cell(FILE *to, const sl_interval *x)
{
    if (isnan(x->value)) {
        fputs("<td></td>", to);
    } else if (isnan(x->low)) {
        fprintf(to, "<td>%.3f</td>", x->value);
    } else {
        fprintf(to, "<td>%.3f <small>%.2f\xe2\x80\x93%.2f</small></td>", x->value, x->low, x->high);
    }
}

static void put_classes(FILE *to, const judged *j, int set)
{
    static const char *const heads[SL_N_CLASS_FIGURES] = {"log-loss", "precision", "recall", "F1", "ROC area", "PR area"};
    const sl_scores *s = j->scores[set];
    fputs("<div class=\"scroll\"><table><thead><tr><th>class</th><th>rows</th><th>answers</th>", to);
    for (int f = 0; f < SL_N_CLASS_FIGURES; f++) fprintf(to, "<th>%s</th>", heads[f]);
    fputs("</tr></thead><tbody>\n", to);
    for (uint32_t k = 0; k < s->n_classes; k++) {
        const sl_class_scores *c = &s->of_class[k];
        fputs("<tr><td>", to);
        html_text(to, sl_model_contract(j->model)->classes[k].name);
        fprintf(to, "</td><td>%llu</td><td>%llu</td>", (unsigned long long)c->n, (unsigned long long)c->answered);
        for (int f = 0; f < SL_N_CLASS_FIGURES; f++) put_cell(to, &c->figure[f]);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

/* All figures of both sets: whole light curves, and views. */
static void put_figures(FILE *to, const evaluation *e)
{
    const judged *j = &e->judged[0];
    fputs("<div class=\"scroll\"><table><thead><tr><th>figure</th>", to);
    for (int s = 0; s < N_SETS; s++) {
        char rows[32];
        if (j->scores[s] != NULL) fprintf(to, "<th>%s (%s)</th>", set_title(s), show_count(e->sets[s].n, rows));
    }
    fputs("<th></th></tr></thead><tbody>\n", to);
    for (int f = 0; f < SL_N_FIGURES; f++) {
        fprintf(to, "<tr><td>%s</td>", figure_title((sl_figure)f));
        for (int s = 0; s < N_SETS; s++) {
            if (j->scores[s] != NULL) put_cell(to, &j->scores[s]->figure[f]);
        }
        fprintf(to, "<td style=\"text-align:left\"><small>%s</small></td></tr>\n", figure_text((sl_figure)f));
    }
    fputs("</tbody></table></div>\n", to);
}

static void put_along(FILE *to, const evaluation *e)
{
    const int set = axis_set(e);
    fprintf(to, "<h2>How soon</h2>\n<p class=\"lead\">%s Bins have other mixtures of classes; the log-loss is the mean over "
                "those that are in a bin. The grey bars are the rows of each.</p>\n",
            set == SET_WHOLE ? "Of whole light curves, by how long they are." : "Of the views: light curves cut short or changed, as the data were prepared.");
    for (int axis = 0; axis < 2; axis++) {
        fputs("<div class=\"row\" style=\"margin-bottom:14px\">", to);
        report_along(to, e, axis, SL_FIGURE_LOG_LOSS);
        report_along(to, e, axis, SL_FIGURE_ACCURACY);
        report_along(to, e, axis, SL_FIGURE_F1);
        fputs("</div>\n", to);
    }
}

static void put_novelty(FILE *to, const judged *j)
{
    if (j->n_strangers == 0 || isnan(j->stranger_area.value)) return;
    fprintf(to, "<h2>What it does not know</h2>\n<p class=\"lead\">The data have %zu light curves of no class of the model. Its novelty "
                "ranks them above the others with a ROC area of <b>%.3f</b>", j->n_strangers, j->stranger_area.value);
    if (!isnan(j->stranger_area.low)) fprintf(to, " (%.3f to %.3f)", j->stranger_area.low, j->stranger_area.high);
    fputs(".</p>\n", to);
}

static void put_foot(FILE *to, const evaluation *e)
{
    const judged *j = &e->judged[0];
    fputs("<footer>\n<dl>\n<dt>model</dt><dd>", to);
    html_text(to, j->path);
    fprintf(to, " <code>%s</code>, temperature %g, novelty %s", sl_model_id(j->model), (double)j->info.temperature,
            sl_novelty_name(j->info.novelty));
    if (j->n_models > 1) fprintf(to, "; and %zu more, each on the fold that it was not trained on", j->n_models - 1);
    fputs("</dd>\n", to);
    if (e->n_judged > 1) {
        fputs("<dt>beside</dt><dd>", to);
        html_text(to, e->judged[1].path);
        fprintf(to, " <code>%s</code></dd>\n", sl_model_id(e->judged[1].model));
    }
    fputs("<dt>data</dt><dd>", to);
    html_text(to, e->wishes->data);
    fprintf(to, " <code>%s</code></dd>\n", sl_dataset_id(e->data));
    fprintf(to, "<dt>intervals</dt><dd>the middle 95%% of %llu resamples of the objects, drawn with replacement (seed %llu)</dd>\n",
            (unsigned long long)e->wishes->resamples, (unsigned long long)e->wishes->seed);
    fprintf(to, "<dt>made by</dt><dd>starling %s; docs/evaluate.md tells how each figure is computed</dd>\n</dl>\n</footer>\n",
            sl_version());
}

void evaluate_tell_html(FILE *to, const evaluation *e)
{
    const int set = main_set(e);
    const judged *j = &e->judged[0];
    put_head(to, e);
    put_cards(to, e, set);
    if (e->n_judged > 1) {
        fputs("<h2>The one and the other</h2>\n<p class=\"lead\">Both on the same objects, drawn together in each resample.</p>\n"
              "<div class=\"scroll\">", to);
        report_differences(to, e);
        fputs("</div>\n", to);
    }
    fputs("<h2>Which classes it tells apart</h2>\n<p class=\"lead\">Truth by row, answer by column, in per cent of the row; the number of "
          "each class at the right.</p>\n<div class=\"row\"><figure>", to);
    report_confusion(to, j, j->scores[set]);
    fputs("</figure><figure>", to);
    report_class_bars(to, e, set);
    fputs("</figure></div>\n<h2>Each class against the rest</h2>\n<p class=\"lead\">Point at a class to see it alone.</p>\n", to);
    report_curves(to, j, set);
    fputs("<h2>Whether its probabilities can be believed</h2>\n<p class=\"lead\">On the line an answer is right as often as it says. The size "
          "of a mark is the share of answers there.</p>\n<div class=\"row\">", to);
    report_reliability(to, e, set, SL_CALIBRATION_WIDTH, "Every light curve counts the same.");
    report_reliability(to, e, set, SL_CALIBRATION_BALANCED, "Every class counts the same, as in the log-loss.");
    report_reliability(to, e, set, SL_CALIBRATION_SHARES, "Each p times its class' share of these, as of a network that "
                                                          "answers as though all were as frequent.");
    fputs("</div>\n", to);
    put_along(to, e);
    put_novelty(to, j);
    fputs("<h2>By class</h2>\n", to);
    put_classes(to, j, set);
    fputs("<h2>All figures</h2>\n", to);
    put_figures(to, e);
    fputs("<h2>Light curves</h2>\n", to);
    report_examples(to, e, set);
    put_foot(to, e);
    fputs("</main>\n</body>\n</html>\n", to);
}
