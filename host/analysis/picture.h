#pragma once
/* A picture as the analysers see it: TB_GREY_WIDTH x TB_GREY_HEIGHT points of grey, 0 black to 255 white, whatever its own size,
 * format and proportions. Pure but for the decoder; any thread, one at a time per TbGreyReader. */
#include "host/analysis/find/match.h"
#include "lib/frame.h"

#define TB_GREY_WIDTH 160
#define TB_GREY_HEIGHT 90
#define TB_GREY_POINTS (TB_GREY_WIDTH * TB_GREY_HEIGHT)

typedef struct TbGrey {
        guint8 at[TB_GREY_POINTS]; /* row by row */
} TbGrey;

typedef struct TbGreyReader TbGreyReader;

TbGreyReader *tb_grey_reader_new(void);
void tb_grey_reader_free(TbGreyReader *reader); /* accepts NULL */
/* Each point is the mean of up to 16 pixels that are spread over what it stands for. A JPEG is decoded at an eighth of its size where
 * that is enough. False: the JPEG is broken, or too large. */
bool tb_grey_read(TbGreyReader *reader, const TbFrame *frame, TbGrey *ret);
/* The whole picture, pixel by pixel. */
bool tb_grey_read_full(TbGreyReader *reader, const TbFrame *frame, TbGreyImage *image);
