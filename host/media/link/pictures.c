#include "host/media/link/pictures.h"

#include <string.h>

#include "lib/limits.h"

#define MAGIC 0x49343230u /* "I420" */

void tb_picture_head_write(const TbPictureHead *head, guint8 ret_bytes[TB_PICTURE_HEAD])
{
        const guint32 wire[] = {GUINT32_TO_LE(MAGIC), GUINT32_TO_LE(head->id), GUINT32_TO_LE(head->width),
                                GUINT32_TO_LE(head->height)};
        memcpy(ret_bytes, wire, TB_PICTURE_HEAD);
}

bool tb_picture_head_read(const guint8 bytes[TB_PICTURE_HEAD], TbPictureHead *ret_head)
{
        guint32 wire[4];
        memcpy(wire, bytes, sizeof wire);
        const TbPictureHead head = {GUINT32_FROM_LE(wire[1]), GUINT32_FROM_LE(wire[2]),
                                    GUINT32_FROM_LE(wire[3])};
        if (GUINT32_FROM_LE(wire[0]) != MAGIC || head.width < 1 || head.width > TB_LIMIT_VIDEO_SIDE ||
            head.height < 1 || head.height > TB_LIMIT_VIDEO_SIDE)
                return false;
        *ret_head = head;
        return true;
}
