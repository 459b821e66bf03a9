#pragma once
/*
 * What looks at whole pictures of a clip, in the decoder's process: one ops table each (analysers.c lists them). `pixels` is none of
 * them: it needs nothing, sees more pictures, smaller ones, and is always there.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/frame.h"

typedef struct TbLookPicture {
        const guint8 *at; /* borrowed, for the call */
        int width, height;
        gsize stride; /* bytes of a row */
} TbLookPicture;

typedef struct TbAnalyser {
        const char *name;
        const char *caps; /* of the pictures it takes */
        guint seconds;    /* that it has for one clip */
        /* As the environment has it. `prompt` NULL: nothing was asked for. NULL: it is off, or (with the
         * error) what it needs is not there. */
        void *(*open)(const char *prompt, GError **error);
        bool (*look)(void *self, const TbLookPicture *picture, gint64 until_us, GError **error);
        /* Adds what it saw to the verdict of those before it. */
        void (*say)(void *self, json_t *verdict);
        void (*close)(void *self);
} TbAnalyser;

extern const TbAnalyser tb_analyser_ocr;

/* Those that are asked for look at `pictures` of the clip and add to the verdict; what one could not do stands in the summary. */
void tb_analysers_look(const char *file, const char *prompt, guint pictures, guint64 length_ns,
                       json_t *verdict);
/* Is what is asked for there? Names of those that are, with blanks between (the caller's, empty: none); NULL with the error. */
char *tb_analysers_check(GError **error);
/* What the analysers found for sure stays when a model has said its own: entities, and rules with their alarm. */
void tb_analysers_keep(const json_t *seen, json_t *said);
