/* banned.h - functions whose use breaks the build; included into every file by the compiler's command line. */
#ifndef PGD1_BASE_BANNED_H
#define PGD1_BASE_BANNED_H
/* These headers first: poisoning before their declarations would break them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atof
#endif
