#pragma once
/*
 * What text on a clip's pictures says. A line is taken once, however many pictures show it; words of which Tesseract is not half sure,
 * and lines without two letters or digits, are no text. A line "text: PANIC" of the prompt asks for a text, in any case. Pure, any thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbOcrText TbOcrText;

TbOcrText *tb_ocr_text_new(const char *prompt); /* NULL: nothing was asked for */
void tb_ocr_text_free(TbOcrText *text);
/* The words (TbOcrWord) of one picture. */
void tb_ocr_text_add(TbOcrText *text, const GArray *words);
/*
 * Adds to what was seen without it: the lines as entities and in the summary, label "text" where nothing else is to be seen, rules that
 * matched, with their alarm. A prompt that asks for texts alone has no other alarm.
 */
void tb_ocr_text_say(const TbOcrText *text, json_t *verdict);
