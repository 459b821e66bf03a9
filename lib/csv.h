#pragma once
/* Texts of strangers in tables that people open (RFC 4180). Pure. */
#include <glib.h>

/* Quoted; what a spreadsheet would take for the beginning of a formula (= + - @, tab, CR) gets a ' before it. */
void tb_csv_text(GString *out, const char *text);
