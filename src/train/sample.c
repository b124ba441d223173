/* All figures of one sample of the rows: sums over how often each row was drawn. */
#include <math.h>
#include <string.h>

#include "train/scored.h"

size_t sl_scored_n_figures(uint32_t n_classes)
{
    return sl_scored_of_bin(n_classes, SL_N_CALIBRATIONS, 0);
}

static inline void add_to_bin(sl_sample_bin *bin, double weight, bool right, double confidence)
{
    bin->weight += weight;
    bin->right += right ? weight : 0;
    bin->confidence += weight * confidence;
}

static void add_rows(const sl_scored *s, const uint32_t *count, sl_sample *to)
{
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < s->n; i++) {
        if (count[i] == 0) continue;
        const double c = count[i];
        const unsigned truth = s->label[i], answer = s->answer[i], bin = s->bin[SL_CALIBRATION_WIDTH][i];
        const double right = truth == answer ? c : 0, confidence = c * s->confidence[i];
        to->n += c;
        to->rows[truth] += c;
        to->answered[answer] += c;
        to->right[truth] += right;
        to->loss[truth] += c * s->loss[i];
        to->bin_rows[bin][truth] += c;
        to->bin_right[bin][truth] += right;
        to->bin_confidence[bin][truth] += confidence;
        add_to_bin(&to->mass[s->bin[SL_CALIBRATION_MASS][i]], c, truth == answer, s->confidence[i]);
        add_to_bin(&to->shares[s->bin[SL_CALIBRATION_SHARES][i]], c, s->share_right[i], s->share_confidence[i]);
    }
}

sl_sample_bin sl_sample_get_bin(const sl_sample *s, uint32_t n_classes, int calibration, int bin)
{
    if (calibration == SL_CALIBRATION_MASS) return s->mass[bin];
    if (calibration == SL_CALIBRATION_SHARES) return s->shares[bin];
    sl_sample_bin sum = {0, 0, 0};
    for (uint32_t k = 0; k < n_classes; k++) {
        if (s->rows[k] == 0) continue;
        const double w = calibration == SL_CALIBRATION_BALANCED ? 1 / s->rows[k] : 1;
        sum.weight += w * s->bin_rows[bin][k];
        sum.right += w * s->bin_right[bin][k];
        sum.confidence += w * s->bin_confidence[bin][k];
    }
    return sum;
}

double sl_sample_ece(const sl_sample *s, uint32_t n_classes, int calibration)
{
    double weight = 0, gap = 0;
    for (int b = 0; b < SL_CALIBRATION_BINS; b++) {
        const sl_sample_bin bin = sl_sample_get_bin(s, n_classes, calibration, b);
        weight += bin.weight;
        gap += fabs(bin.right - bin.confidence);
    }
    return gap / weight; /* NaN of no rows */
}

/* Both areas in one walk down the ranks. */
static void areas(const sl_scored *s, uint32_t k, const uint32_t *count, const sl_sample *sample, double *figures)
{
    const uint32_t *order = s->order + k * s->n;
    const double mine = sample->rows[k], others = sample->n - mine;
    uint64_t all = 0, hit = 0, miss_before = 0, hit_before = 0;
    double roc = 0, pr = 0;
    for (size_t i = 0; i < s->n; i++) {
        const uint32_t entry = order[i];
        if (entry & SL_SCORED_FIRST) {
            miss_before = all - hit;
            hit_before = hit;
        }
        all += count[entry & SL_SCORED_ROW];
        if (entry <= SL_SCORED_ROW) continue;
        if (entry & SL_SCORED_MINE) hit += count[entry & SL_SCORED_ROW];
        if (!(entry & SL_SCORED_LAST) || hit == hit_before) continue;
        const double step = (double)(hit - hit_before), miss = (double)(all - hit);
        roc += step * (others - 0.5 * (miss + (double)miss_before)); /* those of others that rank lower */
        pr += step * (double)hit / (double)all;
    }
    figures[SL_CLASS_ROC_AREA] = mine > 0 && others > 0 ? roc / (mine * others) : NAN;
    figures[SL_CLASS_PR_AREA] = mine > 0 ? pr / mine : NAN;
}

static void class_figures(const sl_scored *s, uint32_t k, const uint32_t *count, const sl_sample *sample, double *figures)
{
    const double rows = sample->rows[k], answered = sample->answered[k], right = sample->right[k];
    if (rows == 0) {
        for (int f = 0; f < SL_N_CLASS_FIGURES; f++) figures[f] = NAN;
        return;
    }
    figures[SL_CLASS_LOG_LOSS] = sample->loss[k] / rows;
    figures[SL_CLASS_PRECISION] = answered > 0 ? right / answered : 0;
    figures[SL_CLASS_RECALL] = right / rows;
    figures[SL_CLASS_F1] = 2 * right / (answered + rows);
    areas(s, k, count, sample, figures);
}

/* Weighted mean of a figure over the classes where it is defined. */
static double over_classes(uint32_t n_classes, const double *figures, int figure, const double *weight)
{
    double sum = 0, weights = 0;
    for (uint32_t k = 0; k < n_classes; k++) {
        const double x = figures[sl_scored_of_class(k) + (size_t)figure];
        if (isnan(x)) continue;
        sum += weight[k] * x;
        weights += weight[k];
    }
    return sum / weights;
}

void sl_scored_figures(const sl_scored *s, const uint32_t *count, sl_sample *work, double *figures)
{
    const uint32_t n_classes = s->n_classes;
    double loss = 0, right = 0;
    add_rows(s, count, work);
    for (uint32_t k = 0; k < n_classes; k++) {
        class_figures(s, k, count, work, figures + sl_scored_of_class(k));
        loss += work->loss[k];
        right += work->right[k];
    }
    const double *flat = s->weight[0];
    figures[SL_FIGURE_LOG_LOSS] = over_classes(n_classes, figures, SL_CLASS_LOG_LOSS, flat);
    figures[SL_FIGURE_LOG_LOSS_KAGGLE] = over_classes(n_classes, figures, SL_CLASS_LOG_LOSS, s->weight[1]);
    figures[SL_FIGURE_LOG_LOSS_ROWS] = loss / work->n;
    figures[SL_FIGURE_ACCURACY] = right / work->n;
    figures[SL_FIGURE_RECALL] = over_classes(n_classes, figures, SL_CLASS_RECALL, flat);
    figures[SL_FIGURE_F1] = over_classes(n_classes, figures, SL_CLASS_F1, flat);
    figures[SL_FIGURE_ROC_AREA] = over_classes(n_classes, figures, SL_CLASS_ROC_AREA, flat);
    figures[SL_FIGURE_PR_AREA] = over_classes(n_classes, figures, SL_CLASS_PR_AREA, flat);
    for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
        figures[SL_FIGURE_ECE + c] = sl_sample_ece(work, n_classes, c);
        for (int b = 0; b < SL_CALIBRATION_BINS; b++) {
            const sl_sample_bin bin = sl_sample_get_bin(work, n_classes, c, b);
            figures[sl_scored_of_bin(n_classes, c, b)] = bin.weight > 0 ? bin.right / bin.weight : NAN;
        }
    }
}
