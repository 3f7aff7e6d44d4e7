# Fails when PAGE is not what PRINTER prints.
execute_process(COMMAND ${PRINTER} OUTPUT_VARIABLE printed RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PRINTER} failed: ${result}")
endif()
file(READ ${PAGE} page)
if(NOT printed STREQUAL page)
  message(FATAL_ERROR "${PAGE} differs from the tables; renew it: ${PRINTER} > ${PAGE}")
endif()
