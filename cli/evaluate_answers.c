/* What the first model answers on each row, as CSV: for other programs, and for train --soft. */
#include <stdio.h>
#include <string.h>

#include "evaluate.h"

/* Quoted where it has to be. */
static void put_text(FILE *to, const char *text, size_t n)
{
    bool plain = true;
    for (size_t i = 0; i < n; i++) plain &= text[i] != ',' && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
    if (plain) {
        fwrite(text, 1, n, to);
        return;
    }
    putc('"', to);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') putc('"', to);
        putc(text[i], to);
    }
    putc('"', to);
}

void evaluate_tell_answers(FILE *to, const evaluation *e)
{
    const judged *j = &e->judged[0];
    const sl_contract *contract = sl_model_contract(j->model);
    fputs("object_id,copy,label", to);
    for (uint32_t c = 0; c < contract->n_classes; c++) {
        putc(',', to);
        put_text(to, contract->classes[c].name, strlen(contract->classes[c].name));
    }
    putc('\n', to);
    for (int set = 0; set < N_SETS; set++) {
        const sl_answers *answers = &j->answers[set];
        for (size_t i = 0; i < answers->n; i++) {
            sl_dataset_row row;
            sl_dataset_get(e->data, e->sets[set].rows[i], &row);
            put_text(to, row.object_id.ptr, row.object_id.len);
            fprintf(to, ",%u,", (unsigned)row.copy);
            const char *label = contract->classes[answers->label[i]].name;
            put_text(to, label, strlen(label));
            for (uint32_t c = 0; c < contract->n_classes; c++) {
                fprintf(to, ",%.7g", (double)answers->p[i * contract->n_classes + c]);
            }
            putc('\n', to);
        }
    }
}
