#pragma once
/* A clip as pictures, one after the other. In the decoder's process, one thread. */
#include <gst/gst.h>
#include <stdbool.h>

typedef struct TbDecode {
        GstElement *pipe, *sink; /* owned */
} TbDecode;

/* `caps`: of the pictures that are wanted. False with TB_ERROR_UNPROCESSABLE. */
bool tb_decode_open(TbDecode *ret, const char *file, const char *caps, GError **error);
/* The next picture, the caller's; NULL: there is none any more, or (with the error) it has failed. */
GstSample *tb_decode_next(TbDecode *decode, GError **error);
bool tb_decode_is_over(const TbDecode *decode); /* all of it was seen */
void tb_decode_close(TbDecode *decode);
