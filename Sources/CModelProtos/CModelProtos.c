#include "CModelProtos.h"
