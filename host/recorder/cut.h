#pragma once
/*
 * An interval out of the segments of one device: the film without transcoding, and what else happened in the forms that other programs
 * read. Blocking; any one thread. The segments may still be written, or go away, meanwhile.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct TbCut {
        const char *folder;  /* of the device's segments */
        const char *device;  /* for titles */
        const char *console; /* which console is in cast and text; NULL: the first one that says something */
        gint64 from_us, to_us; /* wall clock */
} TbCut;

typedef enum TbCutFile {
        TB_CUT_VIDEO,
        TB_CUT_CAST,    /* asciicast v2 */
        TB_CUT_TEXT,    /* the console's bytes */
        TB_CUT_EVENTS,  /* the lines as they were recorded */
        TB_CUT_SAMPLES, /* CSV */
        TB_CUT_MARKS,   /* WebVTT */
        TB_CUT_SCRIPT,  /* the lines for a page that is opened from a folder */
        TB_CUT_FILES
} TbCutFile;
extern const char *const tb_cut_names[TB_CUT_FILES]; /* "video.mp4" … */

typedef struct TbCutDone {
        bool anything;   /* there was a segment */
        bool video;      /* there was a picture: without one nothing is in that file */
        guint frames;    /* pictures from `from` on */
        guint lines;     /* in the interval */
        guint left_out;  /* pictures that the encoder was given and did not put out */
        gint64 first_us; /* of the first picture or line; 0: none */
} TbCutDone;

/* Writes those files of `out` that are not NULL. False: the disk failed, or a file cannot be read; in words. */
bool tb_cut(const TbCut *cut, FILE *const out[TB_CUT_FILES], TbCutDone *ret_done, GError **error);

/* The segments of a device: their paths without end, sorted; the caller frees with g_ptr_array_unref(). */
GPtrArray *tb_cut_segments(const char *folder);
/* [first, end) of those that may have something of the interval. */
void tb_cut_within(GPtrArray *segments, gint64 from_us, gint64 to_us, guint *ret_first, guint *ret_end);
