#pragma once
/* The halves of cut.h. */
#include "host/recorder/cut.h"
#include "host/recorder/segment.h"

bool tb_cut_lines(const TbCut *cut, GPtrArray *segments, guint first, guint end,
                  FILE *const out[TB_CUT_FILES], TbCutDone *done, GError **error);
bool tb_cut_video(const TbCut *cut, GPtrArray *segments, guint first, guint end, FILE *out, TbCutDone *done,
                  GError **error);
